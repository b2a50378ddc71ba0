#include <gtest/gtest.h>

#include <cmath>

#include "maskwise/inspect.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_random.h"

namespace maskwise {
namespace {

using testing::AttentionCase;
using testing::make_case;
using testing::Rng;
using testing::throws_error;

std::vector<VariantReport> compare_case(const AttentionCase& call) {
  return compare(call.q, call.k, call.v, compile(call.mask.bind(call.shape)),
                 call.options_for(Backend::cpu));
}

// One query; its keys have the logits `logits` and the values 1, 2, 3, ...
AttentionCase row_of_logits(const std::vector<float>& logits,
                            const Mask& mask) {
  AttentionCase call;
  const auto keys = static_cast<int64_t>(logits.size());
  call.shape = {1, 1, 1, keys};
  call.mask = mask;
  call.q = call.own(Tensor::from<float>({1, 1, 1, 1}, {1}));
  call.k = call.own(Tensor::from<float>({1, 1, keys, 1}, logits));
  std::vector<float> values;
  for (int64_t i = 0; i < keys; ++i)
    values.push_back(static_cast<float>(i + 1));
  call.v = call.own(Tensor::from<float>({1, 1, keys, 1}, values));
  return call;
}

TEST(Compare, VariantsComeInTheirOrder) {
  const auto reports = compare_case(row_of_logits({0, 0}, prefix(1)));
  std::vector<std::string> names;
  for (const VariantReport& report : reports) names.push_back(report.variant);
  EXPECT_EQ(names, (std::vector<std::string>{
                       "masked_absent", "add_minus_1e9", "add_minus_1e4",
                       "multiply_logits", "multiply_weights",
                       "multiply_weights_renormalised", "inverted_polarity"}));
}

TEST(Compare, NumbersOfARowThatCanBeCheckedByHand) {
  // Unmasked weights 1/10, 3/10, 6/10; the last key is masked; ours is 1.75.
  const auto reports = compare_case(
      row_of_logits({0, std::log(3.0F), std::log(6.0F)}, prefix(2)));
  const VariantReport& multiplied = reports[4];
  EXPECT_NEAR(multiplied.row_sum_min, 0.4, 1e-6);
  EXPECT_NEAR(multiplied.row_sum_max, 0.4, 1e-6);
  EXPECT_EQ(multiplied.masked_weight_max, 0);
  EXPECT_NEAR(multiplied.output_diff_max, 1.75 - 0.7, 1e-6);
  // Once the masked logit has moved by 1, the visible keys hold this share.
  const double share = 4 / (4 + 6 * std::exp(1.0));
  EXPECT_NEAR(multiplied.influence_max, 0.7 - 1.75 * share, 1e-6);

  // The masked key's weight 0.6 times (0 - the mean 0.1 * 1 + 0.3 * 2).
  EXPECT_NEAR(multiplied.masked_gradient_max, 0.6 * 0.7, 1e-6);

  const VariantReport& logits = reports[3];
  EXPECT_NEAR(logits.row_sum_min, 1, 1e-6);
  EXPECT_NEAR(logits.masked_weight_max, 0.2, 1e-6);
  EXPECT_NEAR(logits.output_diff_max, 2 - 1.75, 1e-6);
  EXPECT_NEAR(logits.influence_max, 0.2, 1e-6);  // its value has moved by 1

  EXPECT_NEAR(logits.masked_gradient_max, 0.2, 1e-6);  // of its value

  const VariantReport& inverted = reports[6];
  EXPECT_NEAR(inverted.masked_weight_max, 1, 1e-6);
  EXPECT_NEAR(inverted.output_diff_max, 3 - 1.75, 1e-6);
  EXPECT_NEAR(inverted.influence_max, 1, 1e-6);
  EXPECT_NEAR(inverted.masked_gradient_max, 1, 1e-6);
  EXPECT_NEAR(reports[5].output_diff_max, 0, 1e-6);
}

TEST(Compare, OursIsExactAndMinus1e9AgreesOnRandomCalls) {
  constexpr unsigned kSeed = 7;
  Rng rng(kSeed);
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < testing::cases(60); ++i) {
    SCOPED_TRACE(i);
    const auto reports = compare_case(testing::random_case(
        rng, {.kv_len = 12, .dim = 6}, [&] { return normal(rng); }));
    ASSERT_EQ(reports.size(), 7U);
    EXPECT_EQ(reports[0].masked_weight_max, 0);
    EXPECT_EQ(reports[0].output_diff_max, 0);
    EXPECT_EQ(reports[0].influence_max, 0);
    EXPECT_EQ(reports[0].masked_gradient_max, 0);
    // Rows of a few keys: a few ulps of values of up to about 4.
    EXPECT_LT(reports[1].output_diff_max, 1e-4);
    EXPECT_EQ(reports[1].influence_max, 0);
    EXPECT_EQ(reports[1].masked_gradient_max, 0);
    if (reports[0].row_sum_max > 0) {
      EXPECT_NEAR(reports[0].row_sum_min, 1, 1e-5);
      EXPECT_NEAR(reports[0].row_sum_max, 1, 1e-5);
    }
    EXPECT_LE(reports[4].row_sum_max, 1 + 1e-5);
  }
}

TEST(Compare, Minus1e4LeaksWhenALogitIsLarge) {
  const auto reports = compare_case(row_of_logits({0, 10001}, prefix(1)));
  EXPECT_NEAR(reports[2].masked_weight_max, 0.731, 1e-3);  // 1/(1 + 1/e)
  EXPECT_EQ(reports[1].masked_weight_max, 0);
}

TEST(Compare, RenormalisingDividesByZeroWhenAMaskedKeyHoldsEverything) {
  const auto reports = compare_case(row_of_logits({0, 200}, prefix(1)));
  EXPECT_TRUE(std::isnan(reports[5].row_sum_min));
  EXPECT_TRUE(std::isnan(reports[5].row_sum_max));
  EXPECT_TRUE(std::isnan(reports[5].output_diff_max));
  EXPECT_TRUE(std::isnan(reports[5].influence_max));
  EXPECT_TRUE(std::isnan(reports[5].masked_gradient_max));
  EXPECT_EQ(reports[4].row_sum_max, 0);
}

TEST(Compare, OneRowOfNanIsNotLostAmongOthers) {
  Rng rng(2);
  AttentionCase call =
      make_case(rng, {1, 1, 3, 2}, prefix(1), {.head_dim = 1, .value_dim = 1});
  call.q = call.own(Tensor::from<float>({1, 1, 3, 1}, {1, 300, 1}));
  call.k = call.own(Tensor::from<float>({1, 1, 2, 1}, {0, 1}));
  const auto reports = compare_case(call);
  EXPECT_TRUE(std::isnan(reports[5].row_sum_min));
  EXPECT_TRUE(std::isnan(reports[5].row_sum_max));
}

TEST(Compare, RowsWithoutKeysCountInTheirTextOnly) {
  AttentionCase call = row_of_logits({0, std::log(3.0F)}, none());
  auto reports = compare_case(call);
  EXPECT_EQ(reports[1].row_sum_max, 0);
  EXPECT_EQ(reports[0].fully_masked_row, "0, lse -inf");
  EXPECT_EQ(reports[1].fully_masked_row,
            "uniform weights 1/2: the mean of all values");
  EXPECT_EQ(reports[2].fully_masked_row,
            "weights 0.25 to 0.75, as if nothing were masked");
  EXPECT_EQ(reports[5].fully_masked_row, "NaN");
  // Without such a row, the last one is taken as one.
  call.mask = all();
  reports = compare_case(call);
  EXPECT_EQ(reports[0].fully_masked_row, "0, lse -inf");
  EXPECT_EQ(reports[4].fully_masked_row, "0");
  EXPECT_NEAR(reports[1].row_sum_max, 1, 1e-6);
}

TEST(Compare, TheFirstRowWithoutKeysIsTheOneDescribed) {
  AttentionCase call = row_of_logits({0, std::log(3.0F)}, q_lengths({1}));
  call.shape.q_len = 3;
  call.q = call.own(Tensor::from<float>({1, 1, 3, 1}, {0, 1, 2}));
  // Its logits are 0 and ln 3; those of the last row are twice as far apart.
  EXPECT_EQ(compare_case(call)[2].fully_masked_row,
            "weights 0.25 to 0.75, as if nothing were masked");
}

TEST(Compare, ShapesWithoutRowsOrKeysGiveZeros) {
  Rng rng(3);
  for (const AttentionShape& shape :
       {AttentionShape{1, 1, 0, 2}, AttentionShape{1, 1, 2, 0},
        AttentionShape{0, 1, 2, 2}}) {
    const auto reports = compare_case(make_case(rng, shape, all()));
    ASSERT_EQ(reports.size(), 7U);
    EXPECT_EQ(reports[3].row_sum_max, 0);
    EXPECT_EQ(reports[3].fully_masked_row, "");
  }
}

TEST(Compare, AnInfiniteBiasIsPartOfTheMask) {
  AttentionCase call = row_of_logits({0, 0, 0}, prefix(2));
  call.bias =
      Tensor::from<float>({3}, {0, testing::kMinusInf, testing::kMinusInf});
  const auto reports = compare_case(call);
  EXPECT_EQ(reports[1].output_diff_max, 0);
  EXPECT_NEAR(reports[4].row_sum_min, 1 / 3.0, 1e-6);
  EXPECT_EQ(reports[0].influence_max, 0);
}

TEST(Compare, WhatAttentionRefusesIsRefused) {
  AttentionCase call = row_of_logits({0, 0}, all());
  call.k = call.k.permuted({0, 2, 1, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "[attention]",
                           [&] { compare_case(call); }));
  call = row_of_logits({0}, all());
  call.shape = {1, 1, 70000, 70000};
  for (TensorView* view : {&call.q, &call.k, &call.v}) {
    *view = view->broadcast_to({1, 1, 70000, 1});
  }
  EXPECT_TRUE(throws_error(ErrorCode::limit, "[compare] the weights",
                           [&] { compare_case(call); }));
}

}  // namespace
}  // namespace maskwise
