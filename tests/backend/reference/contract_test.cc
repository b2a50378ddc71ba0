// The row contract itself: bits computed elsewhere, and each of its rules about
// odd values. Every rule is asked of both backends.
#include "backend/reference/contract.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"
#include "tests/support/golden_numbers.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kStoredNan = 0x7FC00000;

class ContractTest : public ::testing::TestWithParam<Backend> {};

INSTANTIATE_TEST_SUITE_P(Backends, ContractTest,
                         ::testing::Values(Backend::reference, Backend::cpu),
                         [](const auto& backend) {
                           return std::string(name_of(backend.param));
                         });

// One query; k, v and bias count from the same numbers for every length.
AttentionCase golden_case(int64_t kv_len, const Mask& mask) {
  AttentionCase result;
  result.shape = {1, 1, 1, kv_len};
  result.mask = mask;
  result.q = result.own(golden_numbers({1, 1, 1, 3}, 0));
  result.k = result.own(golden_numbers({1, 1, kv_len, 3}, 100));
  result.v = result.own(golden_numbers({1, 1, kv_len, 2}, 20000));
  return result;
}

std::vector<uint32_t> row_bits(const AttentionResult& result) {
  std::vector<uint32_t> bits;
  for (const Tensor* each : {&result.o, &result.lse, &result.m, &result.l}) {
    for (int64_t i = 0; i < each->size(); ++i) {
      bits.push_back(std::bit_cast<uint32_t>(each->data<float>()[i]));
    }
  }
  return bits;
}

TEST_P(ContractTest, FiveKeysGiveTheBitsOfExactArithmetic) {
  const Tensor seen = Tensor::from<bool>(
      {8}, {true, false, true, true, false, false, true, true});
  const AttentionCase row = golden_case(8, allow(seen));
  EXPECT_EQ(row_bits(row.run(GetParam())),
            (std::vector<uint32_t>{0xBF63CCD9, 0xC076BCA2, 0x40679C5A,
                                   0x40667BB7, 0x3F824664}));
}

TEST_P(ContractTest, TwoFoldsGiveTheBitsOfExactArithmetic) {
  const AttentionCase row =
      golden_case(2200, ~dilated(4, {.offset = 1}));  // 1,650 keys
  EXPECT_EQ(row_bits(row.run(GetParam())),
            (std::vector<uint32_t>{0x3D9F9837, 0xBEC5EED3, 0x4184BB74,
                                   0x41452553, 0x428F0815}));
}

TEST_P(ContractTest, SoftcapBiasAndAlibiGiveTheBitsOfExactArithmetic) {
  AttentionCase row = golden_case(2200, ~dilated(4, {.offset = 1}));
  row.options.softcap = 5;
  row.bias = golden_numbers({2200}, 50000);
  row.alibi_slopes = Tensor::from<float>({1}, {1.0F / 256});
  EXPECT_EQ(row_bits(row.run(GetParam())),
            (std::vector<uint32_t>{0x3FDC6429, 0x3EFF02A1, 0x4196F81A,
                                   0x417C8A06, 0x41AF5E48}));
}

// q = [1] for each row and k[j] = [scores[j]], so that with scale 1 the scores
// are these; v[j] = [values[j]].
AttentionCase scored_case(const std::vector<float>& scores,
                          const std::vector<float>& values) {
  AttentionCase result;
  const auto n = static_cast<int64_t>(scores.size());
  result.shape = {1, 1, 1, n};
  result.q = result.own(Tensor::from<float>({1, 1, 1, 1}, {1}));
  result.k = result.own(Tensor::from({1, 1, n, 1}, scores));
  result.v = result.own(Tensor::from({1, 1, n, 1}, values));
  result.options = {
      .scale = 1.0F, .weights = Weights::all, .scores = Scores::biased};
  return result;
}

float first_of(const Tensor& tensor) { return tensor.data<float>()[0]; }

uint32_t first_bits(const Tensor& tensor) {
  return std::bit_cast<uint32_t>(first_of(tensor));
}

std::vector<float> values_of(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

void expect_absent(const AttentionResult& result) {
  EXPECT_EQ(first_bits(result.o), 0u);
  EXPECT_EQ(first_of(result.lse), kMinusInf);
  EXPECT_EQ(first_of(result.m), kFinfoMin);
  EXPECT_EQ(first_bits(result.l), 0u);
  for (const float weight : values_of(result.weights)) {
    EXPECT_EQ(std::bit_cast<uint32_t>(weight), 0u);
  }
}

TEST_P(ContractTest, FullyMaskedRowGivesZeroAndMinusInfLse) {
  AttentionCase row = scored_case({1, kNan}, {kNan, kInf});
  row.mask = none();
  const AttentionResult result = row.run(GetParam());
  expect_absent(result);
  EXPECT_EQ(values_of(result.scores), std::vector<float>(2, kMinusInf));
}

TEST_P(ContractTest, RowWhoseVisibleScoresAreAllMinusInfIsAsIfMasked) {
  const AttentionResult result =
      scored_case({kMinusInf, kMinusInf}, {kNan, 5}).run(GetParam());
  expect_absent(result);
}

TEST_P(ContractTest, VisibleMinusInfScoreWeighsNothingWhateverItsValue) {
  const AttentionResult result =
      scored_case({1, kMinusInf, 1}, {3, kNan, 5}).run(GetParam());
  EXPECT_EQ(first_of(result.o), 4);
  EXPECT_EQ(first_of(result.l), 2);
  EXPECT_EQ(values_of(result.weights), (std::vector<float>{0.5F, 0, 0.5F}));
}

// A score far below all others weighs +0 too, but as a number it surely has an
// ordinal: the folds must be cut at the same keys.
TEST_P(ContractTest, VisibleMinusInfScoreKeepsItsOrdinal) {
  Rng rng(301);
  const Tensor scores = normal(rng, {1500});
  const Tensor values = normal(rng, {1500});
  std::vector<float> with = values_of(scores);
  for (const size_t j : {3u, 700u, 1024u, 1499u}) with[j] = kMinusInf;
  std::vector<float> low = with;
  std::ranges::replace(low, kMinusInf, -1e30F);
  const AttentionResult result =
      scored_case(with, values_of(values)).run(GetParam());
  const AttentionResult expected =
      scored_case(low, values_of(values)).run(GetParam());
  EXPECT_TRUE(same_bits(result.o, expected.o));
  EXPECT_TRUE(same_bits(result.l, expected.l));
  EXPECT_TRUE(same_bits(result.weights, expected.weights));
}

TEST_P(ContractTest, VisibleNanScoreMakesItsRowNanAndNoOther) {
  Rng rng(302);
  AttentionCase rows = make_case(rng, {1, 1, 3, 4}, causal({.offset = 0}));
  const AttentionResult before = rows.run(GetParam());
  Tensor k = Tensor::copy_of(rows.k);
  k.mutable_data<float>()[2 * 4 + 1] = kNan;  // key 2: seen by row 2 alone
  rows.k = rows.own(k);
  const AttentionResult after = rows.run(GetParam());
  for (int64_t row = 0; row < 3; ++row) {
    const uint32_t lse = std::bit_cast<uint32_t>(after.lse.data<float>()[row]);
    EXPECT_EQ(lse == kStoredNan, row == 2) << row;
    EXPECT_EQ(std::isnan(after.m.data<float>()[row]), row == 2);
    EXPECT_EQ(std::isnan(after.l.data<float>()[row]), row == 2);
    for (int64_t d = 0; d < 4; ++d) {
      const int64_t i = row * 4 + d;
      EXPECT_EQ(bits_of(after.o, i),
                row == 2 ? "0x7fc00000" : bits_of(before.o, i));
      // The fourth key is masked in every row.
      EXPECT_EQ(bits_of(after.weights, i),
                row == 2 && d < 3 ? "0x7fc00000" : bits_of(before.weights, i));
    }
  }
}

TEST_P(ContractTest, NanScoreBesideAnInfiniteOneIsStillNan) {
  for (const float other : {kInf, kMinusInf, kFinfoMin, 1e30F}) {
    const AttentionResult result =
        scored_case({other, kNan, 1}, {1, 2, 3}).run(GetParam());
    EXPECT_EQ(first_bits(result.o), kStoredNan) << other;
    EXPECT_EQ(first_bits(result.lse), kStoredNan) << other;
    EXPECT_EQ(first_bits(result.m), kStoredNan) << other;
    EXPECT_EQ(first_bits(result.l), kStoredNan) << other;
  }
}

TEST_P(ContractTest, VisiblePlusInfScoreMakesTheRowNan) {
  const AttentionResult result =
      scored_case({1, kInf, 2}, {1, 2, 3}).run(GetParam());
  EXPECT_EQ(first_bits(result.o), kStoredNan);
  EXPECT_EQ(first_bits(result.lse), kStoredNan);
}

TEST_P(ContractTest, VisibleNanValueMakesItsColumnNanEvenAtWeightZero) {
  const AttentionResult result =
      scored_case({500, 1}, {3, kNan}).run(GetParam());
  EXPECT_EQ(values_of(result.weights), (std::vector<float>{1, 0}));
  EXPECT_EQ(first_bits(result.o), kStoredNan);
  EXPECT_EQ(first_of(result.lse), 500);
}

TEST_P(ContractTest, FinfoMinEverywhereIsAnUniformRowAndNotAnEmptyOne) {
  const AttentionResult result =
      scored_case({kFinfoMin, kFinfoMin}, {3, 5}).run(GetParam());
  EXPECT_EQ(first_of(result.o), 4);
  EXPECT_EQ(first_of(result.m), kFinfoMin);
  EXPECT_EQ(first_of(result.l), 2);
  EXPECT_EQ(values_of(result.weights), (std::vector<float>{0.5F, 0.5F}));
}

TEST_P(ContractTest, MinusZeroIsNeverStored) {
  const AttentionResult result =
      scored_case({-0.0F, -0.0F, -0.0F}, {-0x1p-149F, 0, 0}).run(GetParam());
  for (const Tensor* each : {&result.o, &result.m, &result.scores}) {
    for (const float value : values_of(*each)) {
      EXPECT_EQ(std::bit_cast<uint32_t>(value), 0u);
    }
  }
}

TEST_P(ContractTest, WeightBelowTwoToTheMinus126IsPlusZero) {
  // (x - m) log2e is -126.2 and -125.6: one side of the edge each.
  const AttentionResult result =
      scored_case({0, -87.5F, -87.06F}, {0, 0, 0}).run(GetParam());
  const std::vector<float> weights = values_of(result.weights);
  EXPECT_EQ(std::bit_cast<uint32_t>(weights[1]), 0u);
  EXPECT_GT(weights[2], 0x1p-126F);
}

}  // namespace
}  // namespace maskwise::testing
