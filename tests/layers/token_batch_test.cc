#include "layers/token_batch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::TokenBatch;
using nn::TokenRows;
using nn::detail::batch_of;
using nn::detail::check_pad;
using nn::detail::compiled;
using nn::detail::rows_of;

using Numbers = std::vector<int64_t>;

TEST(TokenBatch, HasAsManySentencesAsItsFirstAxis) {
  const Tensor ids(DType::i32, {3, 2});
  EXPECT_EQ(batch_of("op", {ids}), 3);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[op] expected token ids of shape [B, L], got [3]",
                           [] {
                             const Tensor flat(DType::i32, {3});
                             batch_of("op", {flat});
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[op] expected token ids of type i32 or i64, got "
                           "f32",
                           [] {
                             const Tensor floats(DType::f32, {3, 2});
                             batch_of("op", {floats});
                           }));
}

// Where padding at the left makes positions other than indices.
TEST(TokenBatch, RowsThatAreNotSaidAreThoseOfTheIds) {
  const auto ids = Tensor::from<int64_t>({2, 3}, {9, 4, 4, 9, 9, 4});
  const TokenRows natural = rows_of({ids, {.dropout = 3}}, 9);
  EXPECT_EQ(natural.sentences, (Numbers{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(natural.positions, (Numbers{0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(natural.dropout, 3U);
  const TokenRows placed = rows_of({ids, {.positions = {0, 1, 2, 3, 4, 5}}}, 9);
  EXPECT_EQ(placed.sentences, natural.sentences);
  EXPECT_EQ(placed.positions, (Numbers{0, 1, 2, 3, 4, 5}));
  const TokenRows named = rows_of({ids, {.sentences = {8, 8, 8, 7, 7, 7}}}, 9);
  EXPECT_EQ(named.sentences, (Numbers{8, 8, 8, 7, 7, 7}));
  EXPECT_EQ(named.positions, natural.positions);
  const TokenRows both = rows_of({ids, named}, -1);
  EXPECT_EQ(both.positions, named.positions);
}

TEST(TokenBatch, MasksTakeTheSameIdForPaddingAsTheModel) {
  const auto ids = Tensor::from<int64_t>({1, 2}, {3, 1});
  const Mask zero = causal() & padding(ids);
  const Mask one = causal() & padding(ids, {.pad = 1});
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[op] a padding() mask of pad id 1 for a model "
                           "whose pad id is 0; expected the same",
                           [&] { check_pad("op", one, 0); }));
  check_pad("op", one, 1);
  check_pad("op", zero, 0);
  check_pad("op", causal(), 0);
  // Another id may be hidden beside the padding, and all may be of a model
  // that takes none for padding.
  check_pad("op", zero & one, 0);
  check_pad("op", one, -1);
}

TEST(TokenBatch, PlansAreOfQueriesAndKeys) {
  const Tensor queries(DType::i64, {2, 3});
  const Tensor keys(DType::i64, {2, 5});
  const AttentionShape shape = compiled(all(), queries, keys, 4).shape();
  EXPECT_EQ(shape.batch, 2);
  EXPECT_EQ(shape.heads, 4);
  EXPECT_EQ(shape.q_len, 3);
  EXPECT_EQ(shape.kv_len, 5);
}

}  // namespace
}  // namespace maskwise::testing
