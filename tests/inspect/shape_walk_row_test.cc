#include "inspect/shape_walk_row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

constexpr float kMasked = -std::numeric_limits<float>::infinity();

Tensor ids() { return Tensor::from<int64_t>({1, 5}, {3, 4, 3, 9, 9}); }

LogitRow logits(const BoundMask& mask, const WalkIds& walk_ids, int64_t depth,
                const PairIndex& row) {
  return logit_row(mask,
                   made_up_heads(walk_ids, mask.shape().kv_len, depth, row),
                   std::nullopt, row);
}

TEST(ShapeWalkRow, MaskedLogitsAreMinusInfinityAndWeighNothing) {
  const BoundMask mask =
      (causal() & padding(ids(), {.pad = 9})).bind({1, 2, 5, 5});
  const WalkIds walk_ids(mask.shape(), ids(), 9);
  const LogitRow row = logits(mask, walk_ids, 16, {0, 1, 1, 0});
  ASSERT_EQ(row.before.size(), 5U);
  for (size_t k = 0; k < 5; ++k) {
    EXPECT_TRUE(std::isfinite(row.before[k]));
    EXPECT_EQ(row.masked[k], k <= 1 ? row.before[k] : kMasked);
    EXPECT_EQ(row.weights[k] > 0, k <= 1);
  }
  EXPECT_NEAR(row.weights[0] + row.weights[1], 1, 1e-6);
  EXPECT_NEAR(row.weights[1] / row.weights[0],
              std::exp(row.before[1] - row.before[0]), 1e-5);
}

TEST(ShapeWalkRow, EqualTokensHaveEqualLogitsAndOtherHeadsOthers) {
  const BoundMask mask = all().bind({1, 2, 5, 5});
  const WalkIds walk_ids(mask.shape(), ids(), 0);
  const LogitRow row = logits(mask, walk_ids, 16, {0, 0, 2, 0});
  EXPECT_EQ(row.before[0], row.before[2]);
  EXPECT_NE(row.before[0], row.before[1]);
  EXPECT_NE(row.before, logits(mask, walk_ids, 16, {0, 1, 2, 0}).before);
}

TEST(ShapeWalkRow, ARowThatSeesNothingWeighsNothing) {
  const BoundMask mask = none().bind({1, 1, 5, 5});
  const LogitRow row =
      logits(mask, WalkIds(mask.shape(), {}, 0), 8, {0, 0, 4, 0});
  EXPECT_EQ(row.masked, std::vector<float>(5, kMasked));
  EXPECT_EQ(row.weights, std::vector<float>(5, 0.0F));
}

// Strided views, kv heads shared by two heads each, and half precision.
TEST(ShapeWalkRow, TheHeadsOfARowAreThoseOfQAndK) {
  Tensor q(DType::f32, {1, 3, 4, 2});  // [B, L, H, D]
  Tensor k(DType::f32, {1, 2, 5, 2});  // [B, Hkv, L, D]
  std::iota(q.mutable_data<float>(), q.mutable_data<float>() + q.size(), 0.0F);
  std::iota(k.mutable_data<float>(), k.mutable_data<float>() + k.size(), 0.0F);
  const Tensor half = from_f32(k, DType::f16);
  const RowHeads heads =
      heads_of(q.view().permuted({0, 2, 1, 3}), half, {0, 3, 1, 0});
  EXPECT_EQ(heads.q.shape(), (Shape{1, 1, 1, 2}));
  EXPECT_EQ(heads.q.data<float>()[0], 1 * 8 + 3 * 2);
  EXPECT_EQ(heads.k.shape(), (Shape{1, 1, 5, 2}));
  EXPECT_EQ(heads.k.data<float>()[0], 1 * 10);
  EXPECT_EQ(heads.k.data<float>()[9], 19);
}

TEST(ShapeWalkRow, QueriesAreTheKeysTokensOnlyWhereTheirNumberIsTheSame) {
  const WalkIds same({1, 1, 5, 5}, ids(), 9);
  EXPECT_EQ(same.query(0, 1), 4);
  EXPECT_TRUE(same.is_padded_query(0, 3));
  EXPECT_FALSE(same.is_padded_query(0, 2));
  const WalkIds other({1, 1, 3, 5}, ids(), 9);
  EXPECT_EQ(other.key(0, 1), 4);
  EXPECT_LT(other.query(0, 1), 0);
  EXPECT_FALSE(other.is_padded_query(0, 2));
  const WalkIds none_given({1, 1, 5, 5}, {}, 1);
  EXPECT_FALSE(none_given.is_padded_query(0, 0));
}

TEST(ShapeWalkRow, IdsOfAnotherShapeAreRefused) {
  EXPECT_TRUE(testing::throws_error(
      ErrorCode::shape_mismatch,
      "expected token ids [B, Lk] = [2, 5], got [1, 5]", [] {
        WalkIds({2, 1, 5, 5}, ids(), 0);
      }));
}

}  // namespace
}  // namespace maskwise::detail
