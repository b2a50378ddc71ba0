#include "inspect/compare_variants.h"

#include <gtest/gtest.h>

#include <cmath>

#include "inspect/verify_rows.h"
#include "tests/support/attention_case.h"

namespace maskwise::detail {
namespace {

using testing::AttentionCase;
using testing::kNan;
using testing::make_case;
using testing::Rng;

using Values = std::vector<float>;

// Logits ln 1, ln 2, ln 3, ln 4; the second and the fourth key are masked.
const Values kLogits = {0, std::log(2.0F), std::log(3.0F), std::log(4.0F)};
const std::vector<uint8_t> kSeen = {1, 0, 1, 0};

void expect_near(const Values& found, const Values& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    EXPECT_NEAR(found[i], expected[i], 1e-6) << "element " << i;
  }
}

TEST(Variants, WeightsAreWhatTheirNamesSay) {
  const std::pair<Variant, Values> cases[] = {
      {Variant::masked_absent, {0.25F, 0, 0.75F, 0}},
      {Variant::add_minus_1e9, {0.25F, 0, 0.75F, 0}},
      {Variant::add_minus_1e4, {0.25F, 0, 0.75F, 0}},
      {Variant::multiply_logits, {1 / 6.0F, 1 / 6.0F, 0.5F, 1 / 6.0F}},
      {Variant::multiply_weights, {0.1F, 0, 0.3F, 0}},
      {Variant::multiply_weights_renormalised, {0.25F, 0, 0.75F, 0}},
      {Variant::inverted_polarity, {0, 1 / 3.0F, 0, 2 / 3.0F}}};
  for (const auto& [variant, expected] : cases) {
    SCOPED_TRACE(name_of(variant));
    expect_near(plain_weights(variant, kLogits, kSeen), expected);
  }
}

TEST(Variants, ARowWithoutKeysGetsWhatEachMakesOfIt) {
  const Values unmasked = {0.1F, 0.2F, 0.3F, 0.4F};
  const std::vector<uint8_t> none(4, 0);
  const std::pair<Variant, std::string> cases[] = {
      {Variant::masked_absent, "0"},
      {Variant::add_minus_1e9, "uniform weights 1/4: the mean of all values"},
      {Variant::add_minus_1e4, "weights 0.1 to 0.4, as if nothing were masked"},
      {Variant::multiply_logits, "uniform weights 1/4: the mean of all values"},
      {Variant::multiply_weights, "0"},
      {Variant::multiply_weights_renormalised, "NaN"},
      {Variant::inverted_polarity,
       "weights 0.1 to 0.4, as if nothing were masked"}};
  for (const auto& [variant, expected] : cases) {
    EXPECT_EQ(
        describe_fully_masked(plain_weights(variant, kLogits, none), unmasked),
        expected)
        << name_of(variant);
  }
}

TEST(Variants, OtherWeightsAreDescribedByTheirRange) {
  EXPECT_EQ(describe_fully_masked({0.25F, 0.75F}, {0.5F, 0.5F}),
            "weights 0.25 to 0.75");
  EXPECT_EQ(describe_fully_masked({0.25F, kNan}, {0.5F, 0.5F}), "NaN");
  EXPECT_EQ(describe_fully_masked({1}, {1}),
            "uniform weights 1/1: the mean of all values");
  EXPECT_EQ(describe_fully_masked({}, {}), "0");
}

TEST(Variants, EachHasANameAndATextOfItsOwn) {
  for (size_t i = 0; i < kVariants.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NE(name_of(kVariants[i]), name_of(kVariants[j]));
      EXPECT_NE(text_of(kVariants[i]), text_of(kVariants[j]));
    }
  }
}

TEST(PlainLogits, HonourEveryOptionOfTheCall) {
  Rng rng(1);
  AttentionCase call = make_case(rng, {2, 4, 3, 5}, all(), {.kv_heads = 2});
  call.options.scale = 0.7F;
  call.options.softcap = 1.5F;
  testing::add_bias(rng, call, {2, 1, 3, 5});
  testing::add_alibi(call);
  call.kv_positions = Tensor::from<int64_t>({5}, {2, 7, 1, 8, 2});
  const AttentionInputs inputs = check_attention(
      call.q, call.k, call.v, call.shape, call.options_for(Backend::cpu));
  const Tensor scores = call.run().scores;
  for (int64_t row = 0; row < 2 * 4 * 3; ++row) {
    const Values logits =
        plain_logits(inputs.problem, {row / 12, row / 3 % 4, row % 3}, 0);
    const float* expected = scores.data<float>() + row * 5;
    expect_near(logits, {expected, expected + 5});
  }
}

TEST(PlainLogits, AShiftIsAddedToEveryEntryOfK) {
  const Tensor q = Tensor::from<float>({1, 1, 1, 2}, {3, 4});
  const Tensor k = Tensor::from<float>({1, 1, 1, 2}, {1, 2});
  const AttentionInputs inputs =
      check_attention(q, k, k, {1, 1, 1, 1}, {.scale = 2.0F});
  EXPECT_EQ(plain_logits(inputs.problem, {0, 0, 0}, 0), Values{22});
  EXPECT_EQ(plain_logits(inputs.problem, {0, 0, 0}, 1), Values{36});
}

TEST(PlainLogits, ABiasOfMinusInfinityAddsNothing) {
  const Tensor q = Tensor::from<float>({1, 1, 1, 1}, {1});
  const Tensor k = Tensor::from<float>({1, 1, 2, 1}, {5, 6});
  AttentionOptions options;
  const Tensor bias = Tensor::from<float>({2}, {testing::kMinusInf, 1});
  options.bias = bias;
  const AttentionInputs inputs =
      check_attention(q, k, k, {1, 1, 1, 2}, options);
  EXPECT_EQ(plain_logits(inputs.problem, {0, 0, 0}, 0), (Values{5, 7}));
}

TEST(PlainSoftmax, LargeLogitsDoNotOverflow) {
  expect_near(plain_softmax({1000, 1000}), {0.5F, 0.5F});
  EXPECT_TRUE(plain_softmax({}).empty());
}

}  // namespace
}  // namespace maskwise::detail
