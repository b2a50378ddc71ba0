// The float64 oracle against results that can be written down.
#include "backend/reference/oracle.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/attention_oracle.h"

namespace maskwise::testing {
namespace {

using detail::OracleResult;

constexpr double kUnit = 0x1p-24;
constexpr double kTiny = 0x1p-126;

// Float64 sums of a handful of terms.
constexpr double kRounding = 1e-14;

// One query [1] against keys of one dimension: scale 1, so k is the score.
AttentionCase scored(const std::vector<float>& scores,
                     const std::vector<float>& values) {
  const auto n = static_cast<int64_t>(scores.size());
  AttentionCase call;
  call.shape = {1, 1, 1, n};
  call.q = call.own(Tensor::from<float>({1, 1, 1, 1}, {1}));
  call.k = call.own(Tensor::from({1, 1, n, 1}, scores));
  call.v = call.own(Tensor::from({1, 1, n, 1}, values));
  return call;
}

TEST(OracleTest, OneKeyGivesItsValueAndItsScore) {
  const OracleResult result = oracle_of(scored({-2.5F}, {7}));
  EXPECT_EQ(result.o, std::vector<double>{7});
  EXPECT_EQ(result.lse, std::vector<double>{-2.5});
}

TEST(OracleTest, WeightsAreTheSoftmaxOfTheScores) {
  const OracleResult result = oracle_of(scored({0, 1, 3}, {1, 10, 100}));
  const double sum = 1 + std::exp(1) + std::exp(3);
  EXPECT_NEAR(result.o[0], (1 + 10 * std::exp(1) + 100 * std::exp(3)) / sum,
              100 * kRounding);
  EXPECT_NEAR(result.lse[0], std::log(sum), 4 * kRounding);
}

TEST(OracleTest, MaskedKeysDoNotExist) {
  AttentionCase call = scored({0, kNan, 0}, {1, kNan, 3});
  call.mask = ~dilated(2, {.offset = 1});
  const OracleResult result = oracle_of(call);
  EXPECT_NEAR(result.o[0], 2, kRounding);
  EXPECT_NEAR(result.lse[0], std::log(2), kRounding);
}

TEST(OracleTest, FullyMaskedRowGivesZeroAndMinusInfLseExactly) {
  AttentionCase call = scored({1, 2}, {3, 4});
  call.mask = none();
  const OracleResult result = oracle_of(call);
  EXPECT_EQ(result.o[0], 0);
  EXPECT_EQ(result.gate[0], 0);
  EXPECT_EQ(result.lse[0], kMinusInf);
}

TEST(OracleTest, ScaleSoftcapBiasAndAlibiEnterInThisOrder) {
  AttentionCase call = scored({4}, {1});
  call.options.scale = 0.5F;
  call.options.softcap = 3;
  call.bias = Tensor::from<float>({1}, {0.25F});
  call.alibi_slopes = Tensor::from<float>({1}, {0.5F});
  call.q_positions = Tensor::from<int64_t>({1}, {10});
  call.kv_positions = Tensor::from<int64_t>({1}, {4});
  EXPECT_NEAR(oracle_of(call).lse[0],
              3 * std::tanh(2.0 / 3) + 0.25 + 0.5 * (4 - 10), kRounding);
}

TEST(OracleTest, QueryHeadsShareKvHeadsInGroups) {
  AttentionCase call = scored({0}, {1});
  call.shape.heads = 4;
  call.q = call.own(Tensor(DType::f32, {1, 4, 1, 1}));
  call.k = call.own(Tensor(DType::f32, {1, 2, 1, 1}));
  call.v = call.own(Tensor::from<float>({1, 2, 1, 1}, {5, 7}));
  EXPECT_EQ(oracle_of(call).o, (std::vector<double>{5, 5, 7, 7}));
}

TEST(OracleTest, GateIsTheFormulaOfTheDesign) {
  AttentionCase call = scored({-4, 4}, {2, -2});
  call.bias = Tensor::from<float>({2}, {4, -4});  // equal scores, S = 8
  const OracleResult result = oracle_of(call);
  EXPECT_NEAR(result.gate[0],
              kUnit * (4 * (1 + 8.0) + 2 + 1) * 2 + 2 * kTiny * 2,
              kUnit * kRounding);
  // Each |o| adds its own rounding; only visible keys count.
  AttentionCase longer =
      scored(std::vector<float>(1500, 0.0F), std::vector<float>(1500, 3.0F));
  longer.mask = prefix(1025);
  EXPECT_NEAR(oracle_of(longer).gate[0],
              kUnit * (4 + 1024 + 2) * 3 + kUnit * 3 + 1025 * kTiny * 3,
              kUnit * 1500 * kRounding);
}

}  // namespace
}  // namespace maskwise::testing
