#include "inspect/verify_bias_sums.h"

#include <gtest/gtest.h>

#include "tests/support/attention_random.h"
#include "tests/support/gradient_case.h"

namespace maskwise::detail {
namespace {

using testing::GradientCase;
using testing::Rng;
using testing::same_bits;

TEST(SumOverPairs, AxesOfOneAreSummed) {
  // 1 to 16 as [2, 1, 2, 4].
  std::vector<float> values;
  for (int i = 1; i <= 16; ++i) values.push_back(static_cast<float>(i));
  const Tensor pairs = Tensor::from({2, 1, 2, 4}, values);
  const std::pair<Shape, std::vector<float>> cases[] = {
      {{4}, {28, 32, 36, 40}},
      {{1}, {136}},
      {{2, 1}, {10 + 42, 26 + 58}},
      {{2, 1, 1, 1}, {36, 100}},
      {{1, 1, 2, 4}, {10, 12, 14, 16, 18, 20, 22, 24}},
      {{2, 1, 2, 4}, values}};
  for (const auto& [shape, expected] : cases) {
    EXPECT_TRUE(
        same_bits(sum_over_pairs(pairs, shape), Tensor::from(shape, expected)))
        << to_string(shape);
  }
}

TEST(SumOverPairs, EachHeadIsAChainOfItsOwn) {
  // As one chain 1 would be lost in 2^24 twice.
  constexpr float kLarge = 16777216;
  const Tensor pairs = Tensor::from<float>({1, 2, 1, 2}, {kLarge, 1, 1, 1});
  EXPECT_EQ(*sum_over_pairs(pairs, {1}).data<float>(), kLarge + 2);
}

TEST(SumOverPairs, WhatIsStoredHasOneZeroAndOneNan) {
  const Tensor pairs =
      Tensor::from<float>({1, 1, 1, 2}, {-0.0F, -testing::kNan});
  EXPECT_TRUE(same_bits(sum_over_pairs(pairs, {2}),
                        Tensor::from<float>({2}, {0.0F, testing::kNan})));
}

TEST(SumOverPairs, ShapesWithoutPairsGiveZeros) {
  EXPECT_EQ(
      *sum_over_pairs(Tensor(DType::f32, {2, 1, 0, 3}), {1}).data<float>(), 0);
  EXPECT_EQ(sum_over_pairs(Tensor(DType::f32, {2, 1, 3, 0}), {3, 1}).size(), 3);
}

TEST(SumOverPairs, EqualsTheGradientOfABroadcastBias) {
  constexpr unsigned kSeed = 20261122;
  Rng rng(kSeed);
  for (int64_t i = 0; i < testing::cases(40); ++i) {
    testing::AttentionCase call = testing::make_case(
        rng, {2, 3, 5, 9}, causal({.offset = testing::uniform(rng, 0, 4)}));
    testing::add_bias(rng, call, testing::random_bias_shape(rng, call.shape));
    GradientCase summed = testing::with_gradients(rng, call);
    GradientCase apart = summed;
    apart.call.bias =
        Tensor::copy_of(call.bias.view().broadcast_to({2, 3, 5, 9}));
    EXPECT_TRUE(
        same_bits(sum_over_pairs(apart.run().dbias, summed.call.bias.shape()),
                  summed.run().dbias))
        << "case " << i << " of seed " << kSeed;
  }
}

}  // namespace
}  // namespace maskwise::detail
