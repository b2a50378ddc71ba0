// The float64 gradients against differences of the float64 forward pass, and
// against results that can be written down.
#include "backend/reference/oracle_backward.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/gradient_check.h"
#include "tests/support/mask_words.h"

namespace maskwise::testing {
namespace {

using detail::OracleGradients;

constexpr uint32_t kSeed = 1618;
constexpr double kUnit = 0x1p-24;
constexpr double kTiny = 0x1p-126;

// Float64 sums of a handful of terms.
constexpr double kRounding = 1e-14;

TEST(OracleBackwardTest, EveryWordGivesTheDifferencesOfTheForwardPass) {
  Rng rng(kSeed);
  const AttentionShape shape = {2, 2, 4, 5};
  int64_t number = 0;
  for (const auto& [word, mask] : words(rng, shape)) {
    SCOPED_TRACE(word);
    AttentionCase call =
        make_case(rng, shape, mask, {.head_dim = 3, .value_dim = 2});
    if (number % 2 == 0) call.options.softcap = 3;
    if (number % 3 == 0) add_alibi(call);
    if (number % 4 != 0)
      add_bias(rng, call, repeated_bias_shape(shape, number % 16));
    GradientCheck(rng, with_gradients(rng, call, number % 5 != 0))
        .expect_derivatives();
    ++number;
  }
}

TEST(OracleBackwardTest, EveryFormOfBiasGivesTheDifferencesOfTheForwardPass) {
  Rng rng(kSeed);
  const AttentionShape shape = {2, 2, 3, 4};
  for (int64_t repeated = 0; repeated < 16; ++repeated) {
    const Shape bias = repeated_bias_shape(shape, repeated);
    SCOPED_TRACE(to_string(bias));
    AttentionCase call = make_case(rng, shape, causal({.offset = 0}),
                                   {.head_dim = 2, .value_dim = 3});
    add_bias(rng, call, bias);
    call.options.softcap = repeated % 2 == 0 ? 0.0F : 2.0F;
    GradientCheck(rng, with_gradients(rng, call, true)).expect_derivatives();
  }
}

TEST(OracleBackwardTest, EveryGroupGivesTheDifferencesOfTheForwardPass) {
  Rng rng(kSeed);
  for (const int64_t kv_heads : {1, 2, 3, 6}) {
    SCOPED_TRACE(kv_heads);
    const AttentionShape shape = {1, 6, 2, 5};
    AttentionCase call =
        make_case(rng, shape, random_mask(rng, shape),
                  {.kv_heads = kv_heads, .head_dim = 3, .value_dim = 1});
    call.options.scale = -0.75F;
    add_alibi(call);
    call.kv_positions = random_ids(rng, {5}, 6);
    GradientCheck(rng, with_gradients(rng, call, true)).expect_derivatives();
  }
}

// One query [1] against keys of one dimension: scale 1, so k is the score.
GradientCase scored(const std::vector<float>& scores,
                    const std::vector<float>& values, float d_o) {
  const auto n = static_cast<int64_t>(scores.size());
  GradientCase result;
  AttentionCase& call = result.call;
  call.shape = {1, 1, 1, n};
  call.q = call.own(Tensor::from<float>({1, 1, 1, 1}, {1}));
  call.k = call.own(Tensor::from({1, 1, n, 1}, scores));
  call.v = call.own(Tensor::from({1, 1, n, 1}, values));
  result.d_o = call.own(Tensor::from<float>({1, 1, 1, 1}, {d_o}));
  return result;
}

// Two equal scores: o = 2, and ds = +-(1/2) * 3 * 1.
TEST(OracleBackwardTest, TwoEqualKeysGiveWhatIsWorkedOutByHand) {
  const OracleGradients result = oracle_of(scored({5, 5}, {1, 3}, 3));
  EXPECT_NEAR(result.dq.value[0], 0, kRounding);
  EXPECT_NEAR(result.dk.value[0], -1.5, kRounding);
  EXPECT_NEAR(result.dk.value[1], 1.5, kRounding);
  EXPECT_NEAR(result.dv.value[0], 1.5, kRounding);
  EXPECT_NEAR(result.dv.value[1], 1.5, kRounding);
  EXPECT_TRUE(result.dbias.value.empty());
}

TEST(OracleBackwardTest, GradientOfLseIsTheSoftmax) {
  GradientCase gradient = scored({0, 1}, {4, 4}, 0);
  gradient.d_lse = gradient.call.own(Tensor::from<float>({1, 1, 1}, {2}));
  const double w = 1 / (1 + std::exp(1));
  const OracleGradients result = oracle_of(gradient);
  EXPECT_NEAR(result.dk.value[0], 2 * w, kRounding);
  EXPECT_NEAR(result.dk.value[1], 2 * (1 - w), kRounding);
  EXPECT_NEAR(result.dq.value[0], 2 * (1 - w), kRounding);
}

TEST(OracleBackwardTest, MaskedKeysDoNotExist) {
  GradientCase gradient = scored({0, kNan, 0}, {1, kNan, 3}, 1);
  gradient.call.mask = ~dilated(2, {.offset = 1});
  const OracleGradients result = oracle_of(gradient);
  EXPECT_NEAR(result.dk.value[0], -0.5, kRounding);
  EXPECT_EQ(result.dk.value[1], 0);
  EXPECT_EQ(result.dk.gate[1], 0);
  EXPECT_EQ(result.dv.value[1], 0);
  EXPECT_EQ(result.dv.gate[1], 0);
}

TEST(OracleBackwardTest, RowWithoutKeysGivesNothingExactly) {
  GradientCase gradient = scored({1, 2}, {3, 4}, 5);
  gradient.call.mask = none();
  gradient.d_lse = gradient.call.own(Tensor::from<float>({1, 1, 1}, {2}));
  const OracleGradients result = oracle_of(gradient);
  for (const auto* each : {&result.dq, &result.dk, &result.dv}) {
    for (const double value : each->value) EXPECT_EQ(value, 0);
    for (const double gate : each->gate) EXPECT_EQ(gate, 0);
  }
}

// Equal weights of 1/2; sum |dO v| is 3 and 9, sum |dO| sum w |v| is 6, so that
// |ds| is replaced by 4.5 and 7.5. S is 5 + 8, N the row's 2 + 1; a key is seen
// by one query, of one head, and so is a bias.
TEST(OracleBackwardTest, GateIsTheFormulaOfTheDesign) {
  GradientCase gradient = scored({5, -5}, {1, -3}, 3);
  gradient.call.bias = Tensor::from<float>({2}, {-2, 8});
  const OracleGradients result = oracle_of(gradient);
  const double factor = kUnit * (16 * (1 + 13.0) + 3);
  const double tolerance = kUnit * kRounding * 1000;
  EXPECT_NEAR(result.dq.gate[0], factor * (4.5 * 5 + 7.5 * 5), tolerance);
  EXPECT_NEAR(result.dk.gate[0], factor * 4.5, tolerance);
  EXPECT_NEAR(result.dk.gate[1], factor * 7.5, tolerance);
  EXPECT_NEAR(result.dv.gate[0], factor * 1.5, tolerance);
  EXPECT_NEAR(result.dbias.gate[1], factor * 7.5, tolerance);
}

TEST(OracleBackwardTest, GateCountsTheGradientOfLse) {
  GradientCase gradient = scored({5, 5}, {0, 0}, 3);
  gradient.d_lse = gradient.call.own(Tensor::from<float>({1, 1, 1}, {-4}));
  const OracleGradients result = oracle_of(gradient);
  EXPECT_NEAR(result.dk.gate[0], kUnit * (16 * (1 + 5.0) + 3) * 2,
              kUnit * kRounding * 1000);
}

// S = 0. A row of 1,500 keys has a chain of 1,024 + 2; 1,100 queries in each of
// two heads are one of 1,100 + 2, and 1,500 * 1,100 pairs in two heads one that
// is longer still.
TEST(OracleBackwardTest, GateTakesTheLongestChain) {
  constexpr int64_t kQueries = 1100;
  constexpr int64_t kKeys = 1500;
  GradientCase gradient;
  AttentionCase& call = gradient.call;
  call.shape = {1, 2, kQueries, kKeys};
  const Tensor zero(DType::f32, {1});
  const Tensor one = Tensor::from<float>({1}, {1});
  call.q = call.own(zero).broadcast_to({1, 2, kQueries, 1});
  call.k = call.own(one).broadcast_to({1, 1, kKeys, 1});
  call.v = call.own(one).broadcast_to({1, 1, kKeys, 1});
  call.bias = zero;
  gradient.d_o = call.own(one).broadcast_to({1, 2, kQueries, 1});
  const OracleGradients result = oracle_of(gradient);
  const double ds = 2.0 / kKeys;  // |ds| is replaced by w (1 + 1)
  EXPECT_NEAR(result.dq.gate[0], kUnit * (16 + 1026) * kKeys * ds,
              kUnit * 1e-6);
  const double queries = 2 * kQueries;
  EXPECT_NEAR(result.dv.gate[0], kUnit * (16 + 1102) * queries / kKeys,
              kUnit * 1e-6);
  const double pairs = static_cast<double>(kQueries) * kKeys;
  EXPECT_NEAR(result.dbias.gate[0], kUnit * (16 + pairs + 2) * 2 * pairs * ds,
              kUnit * (16 + pairs + 2) * 1e-6);
}

// A weight of e^-100 is flushed: dv is 0 in f32 and e^-100 * d_o in truth.
TEST(OracleBackwardTest, GateAllowsForWeightsThatAreFlushed) {
  const OracleGradients result = oracle_of(scored({0, -100}, {1, 1}, 1e30F));
  EXPECT_GT(result.dv.value[1], 0);
  EXPECT_LT(result.dv.value[1], result.dv.gate[1]);
  EXPECT_GT(result.dv.gate[1], kTiny * 1e30);
}

}  // namespace
}  // namespace maskwise::testing
