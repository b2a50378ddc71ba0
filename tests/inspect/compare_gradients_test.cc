#include "inspect/compare_gradients.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "inspect/verify_rows.h"
#include "tests/support/attention_case.h"

namespace maskwise::detail {
namespace {

using testing::AttentionCase;
using testing::make_case;
using testing::Rng;

using Values = std::vector<float>;

// Logits ln 1, ln 2, ln 3, ln 4; the second and the fourth key are masked.
const Values kLogits = {0, std::log(2.0F), std::log(3.0F), std::log(4.0F)};
const std::vector<uint8_t> kSeen = {1, 0, 1, 0};

// A step of f32, for central differences: its square and the rounding of what
// is divided by it are both about 1e-4.
constexpr float kStep = 1e-2F;
constexpr double kNear = 1e-3;

TEST(PlainLogitGradient, EqualsDifferences) {
  const Values d_weights = {1, -2, 3, 5};
  for (const Variant variant : kVariants) {
    SCOPED_TRACE(name_of(variant));
    const auto loss = [&](const Values& logits) {
      const Values weights = plain_weights(variant, logits, kSeen);
      return std::inner_product(weights.begin(), weights.end(),
                                d_weights.begin(), 0.0);
    };
    const Values found =
        plain_logit_gradient(variant, kLogits, kSeen, d_weights);
    for (size_t k = 0; k < kLogits.size(); ++k) {
      Values above = kLogits;
      Values below = kLogits;
      above[k] += kStep;
      below[k] -= kStep;
      EXPECT_NEAR(found[k], (loss(above) - loss(below)) / (2 * kStep), kNear)
          << "key " << k;
    }
  }
}

TEST(PlainLogitGradient, MultipliedWeightsReachMaskedKeys) {
  const Values found = plain_logit_gradient(Variant::multiply_weights, kLogits,
                                            kSeen, {1, 1, 1, 1});
  // Weights 0.1 to 0.4, of which 0.4 are left: each masked key is told to give
  // its weight to the others.
  EXPECT_NEAR(found[1], -0.2 * 0.4, 1e-6);
  EXPECT_NEAR(found[3], -0.4 * 0.4, 1e-6);
  for (const Variant variant :
       {Variant::masked_absent, Variant::add_minus_1e9}) {
    const Values right =
        plain_logit_gradient(variant, kLogits, kSeen, {1, 2, 3, 4});
    EXPECT_EQ(right[1], 0);
    EXPECT_EQ(right[3], 0);
  }
}

// The sum of the outputs of a row.
double sum_of_outputs(const AttentionCase& call, Variant variant,
                      const ProblemRow& row) {
  const AttentionInputs inputs = check_attention(
      call.q, call.k, call.v, call.shape, call.options_for(Backend::cpu));
  const Values weights =
      plain_weights(variant, plain_logits(inputs.problem, row, 0), kSeen);
  double sum = 0;
  for (int64_t key = 0; key < 4; ++key) {
    const float* value =
        inputs.problem.v.at(row.batch, inputs.problem.kv_head(row.head), key);
    sum += static_cast<double>(weights[static_cast<size_t>(key)]) *
           std::accumulate(value, value + call.v.dim(3), 0.0);
  }
  return sum;
}

// The largest difference when an entry of k or v of a masked key moves.
double largest_by_differences(const AttentionCase& call, Variant variant,
                              const ProblemRow& row) {
  double most = 0;
  for (const TensorView& view : {call.k, call.v}) {
    auto* values = const_cast<float*>(view.data<float>());
    const int64_t width = view.dim(3);
    for (int64_t i = 0; i < view.size(); ++i) {
      if (kSeen[static_cast<size_t>(i / width % 4)] != 0) continue;
      const float value = values[i];
      values[i] = value + kStep;
      const double above = sum_of_outputs(call, variant, row);
      values[i] = value - kStep;
      const double below = sum_of_outputs(call, variant, row);
      values[i] = value;
      most = std::max(most, std::fabs(above - below) / (2 * kStep));
    }
  }
  return most;
}

TEST(PlainMaskedGradient, EqualsDifferencesUnderEveryOption) {
  Rng rng(1);
  AttentionCase call =
      make_case(rng, {2, 4, 3, 4}, all(), {.kv_heads = 2, .value_dim = 3});
  call.options.scale = 0.7F;
  call.options.softcap = 1.5F;
  testing::add_bias(rng, call, {2, 1, 3, 4});
  testing::add_alibi(call);
  const AttentionInputs inputs = check_attention(
      call.q, call.k, call.v, call.shape, call.options_for(Backend::cpu));
  const ProblemRow row = {1, 3, 2};
  const Tensor v = cut_out(inputs.problem.v, {1, 1, 0}, {0, 1, 2, 3}, 3);
  for (const Variant variant : kVariants) {
    EXPECT_NEAR(plain_masked_gradient(variant, inputs.problem, row, kSeen, v),
                largest_by_differences(call, variant, row), kNear)
        << name_of(variant);
  }
}

TEST(PlainMaskedGradient, WithoutMaskedKeysThereIsNone) {
  Rng rng(2);
  const AttentionCase call = make_case(rng, {1, 1, 1, 4}, all());
  const AttentionInputs inputs =
      check_attention(call.q, call.k, call.v, call.shape, {});
  const Tensor v = cut_out(inputs.problem.v, {0, 0, 0}, {0, 1, 2, 3}, 4);
  EXPECT_EQ(plain_masked_gradient(Variant::multiply_weights, inputs.problem,
                                  {0, 0, 0}, {1, 1, 1, 1}, v),
            0);
}

TEST(Larger, KeepsNan) {
  EXPECT_EQ(larger(1, 2), 2);
  EXPECT_TRUE(std::isnan(larger(std::nan(""), 1)));
  EXPECT_TRUE(std::isnan(larger(1, std::nan(""))));
}

}  // namespace
}  // namespace maskwise::detail
