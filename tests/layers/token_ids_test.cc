#include "layers/token_ids.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::TokenRows;
using nn::detail::rows_for;
using nn::detail::TokenIds;

using Numbers = std::vector<int64_t>;

TEST(TokenIds, AreReadInRowMajorOrderOfEitherType) {
  const auto read = [](const TensorView& ids) {
    const TokenIds found("op", ids);
    return Numbers(found.each().begin(), found.each().end());
  };
  EXPECT_EQ(read(Tensor::from<int32_t>({2, 2}, {1, -2, 3, 4})),
            (Numbers{1, -2, 3, 4}));
  const auto large = Tensor::from<int64_t>({2, 2}, {1, 2, int64_t{1} << 40, 4});
  EXPECT_EQ(read(large.view().permuted({1, 0})),
            (Numbers{1, int64_t{1} << 40, 2, 4}));
  EXPECT_EQ(read(Tensor(DType::i64, {2, 0})), Numbers());
}

TEST(TokenIds, OfDense64BitsAreReadWhereTheyLie) {
  const auto ids = Tensor::from<int64_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const TokenIds found("op", ids);
  EXPECT_EQ(found.each().data(), ids.data<int64_t>());
  EXPECT_EQ(found.size(), 6U);
  EXPECT_EQ(found[4], 5);
  EXPECT_EQ(found.batch(), 2);
  EXPECT_EQ(found.length(), 3);
}

TEST(TokenIds, OfAnotherShapeOrTypeAreRefusedByTheNameOfTheOperation) {
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[op] expected token ids of shape [B, L], got [2]",
                           [] { TokenIds("op", Tensor(DType::i32, {2})); }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[op] expected token ids of shape [B, L], got "
                           "nothing",
                           [] { TokenIds("op", {}); }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "[op] expected token ids of type i32 or i64, got u8; convert them", [] {
        TokenIds("op", Tensor(DType::u8, {2, 2}));
      }));
}

TEST(RowsFor, FillsInWhatIsLeftOut) {
  const TokenRows all = rows_for("op", {.dropout = 7}, 2, 3);
  EXPECT_EQ(all.sentences, (Numbers{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(all.positions, (Numbers{0, 1, 2, 0, 1, 2}));
  EXPECT_EQ(all.dropout, 7U);
  const TokenRows some = rows_for("op", {.positions = {4, 3, 2, 1}}, 2, 2);
  EXPECT_EQ(some.sentences, (Numbers{0, 0, 1, 1}));
  EXPECT_EQ(some.positions, (Numbers{4, 3, 2, 1}));
  const TokenRows other = rows_for("op", {.sentences = {-4, 3, 3, 3}}, 2, 2);
  EXPECT_EQ(other.sentences, (Numbers{-4, 3, 3, 3}));
  EXPECT_EQ(other.positions, (Numbers{0, 1, 0, 1}));
  EXPECT_FALSE(other.dropout.has_value());
}

TEST(RowsFor, RefusesAnotherNumberOfRowsAndNegativePositions) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[op] expected sentences of 4 rows, one for each of x, got 3", [] {
        rows_for("op", {.sentences = {0, 0, 1}}, 2, 2);
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[op] expected positions of 4 rows, one for each of x, got 5", [] {
        rows_for("op", {.positions = {0, 1, 2, 3, 4}}, 2, 2);
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "[op] position -3 of row 2; expected positions from 0 on", [] {
        rows_for("op", {.positions = {0, -1, -3, 4}}, 2, 2);
      }));
}

}  // namespace
}  // namespace maskwise::testing
