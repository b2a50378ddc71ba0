// The backward half of the row contract: bits computed elsewhere, sums worked
// out by hand in every order that matters, and each rule about odd values.
// Every rule is asked of both backends.
#include "backend/reference/contract_backward.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/golden_numbers.h"
#include "tests/support/gradient_case.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kStoredNan = 0x7FC00000;

// The last number below which f32 knows all integers: it swallows a 1.
constexpr float kLarge = 0x1p24F;

class ContractBackwardTest : public ::testing::TestWithParam<Backend> {
 protected:
  static AttentionGradients run(const GradientCase& gradient) {
    return gradient.run(GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(Backends, ContractBackwardTest,
                         ::testing::Values(Backend::reference, Backend::cpu),
                         [](const auto& backend) {
                           return std::string(name_of(backend.param));
                         });

std::vector<uint32_t> bits(const Tensor& tensor) {
  std::vector<uint32_t> result;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    result.push_back(std::bit_cast<uint32_t>(tensor.data<float>()[i]));
  }
  return result;
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

// dk, dv and dbias of one key.
std::vector<uint32_t> key_bits(const AttentionGradients& gradients, size_t k) {
  const std::vector<uint32_t> dk = bits(gradients.dk);
  const std::vector<uint32_t> dv = bits(gradients.dv);
  return {dk[2 * k], dk[2 * k + 1], dv[2 * k], dv[2 * k + 1],
          bits(gradients.dbias)[k]};
}

// What contract_backward_golden.py prints.
TEST_P(ContractBackwardTest, TwoFoldsGiveTheBitsOfExactArithmetic) {
  GradientCase gradient;
  AttentionCase& call = gradient.call;
  call.shape = {1, 2, 3, 1400};
  Tensor seen(DType::boolean, {1400});
  for (int64_t k = 0; k < 1400; ++k) seen.mutable_data<bool>()[k] = k % 4 != 1;
  call.mask = allow(seen);
  call.q = call.own(golden_numbers({1, 2, 3, 2}, 0));
  call.k = call.own(golden_numbers({1, 1, 1400, 2}, 100));
  call.v = call.own(golden_numbers({1, 1, 1400, 2}, 20000));
  call.bias = golden_numbers({1400}, 50000);
  call.options.softcap = 5;
  call.alibi_slopes = Tensor::from<float>({2}, {1.0F / 256, 1.0F / 512});
  gradient.d_o = call.own(golden_numbers({1, 2, 3, 2}, 60000));
  gradient.d_lse = call.own(golden_numbers({1, 2, 3}, 70000));
  const AttentionGradients result = run(gradient);
  EXPECT_EQ(
      bits(result.dq),
      (std::vector<uint32_t>{0xBE905A28, 0x3F9CB704, 0xBE2E9A7E, 0x3F85FE25,
                             0x3F428683, 0xBF603A27, 0x40236770, 0x40C32C93,
                             0x3F1BA5D4, 0x3E4AA58D, 0x3EC7AAE4, 0x3EC04024}));
  EXPECT_EQ(key_bits(result, 0),
            (std::vector<uint32_t>{0xB8595839, 0xB9EA5013, 0x3B665A31,
                                   0xB889107E, 0x37295950}));
  EXPECT_EQ(key_bits(result, 1364),
            (std::vector<uint32_t>{0xBB45EE42, 0xBCC69D8F, 0x3D489CCA,
                                   0xBB3E32D0, 0x3BE8B1BD}));
  EXPECT_EQ(key_bits(result, 1366),
            (std::vector<uint32_t>{0xBE03BD30, 0x3D9969F6, 0xBE4B642A,
                                   0x3E37E85A, 0x3ED24CAE}));
  EXPECT_EQ(key_bits(result, 1399),
            (std::vector<uint32_t>{0x3B09EA4A, 0xBABB36A9, 0xBB0F5224,
                                   0x3ADAB1E9, 0xBC4C9018}));
  EXPECT_EQ(key_bits(result, 1397), std::vector<uint32_t>(5, 0));  // masked
}

// Rows [1] against keys of one dimension, scale 1: k is the score. d_o and
// d_lse are of the rows, in order of batch, head and query.
GradientCase scored(const AttentionShape& shape,
                    const std::vector<float>& scores,
                    const std::vector<float>& of_keys,
                    const std::vector<float>& d_o,
                    const std::vector<float>& d_lse) {
  const auto& [batch, heads, q_len, kv_len] = shape;
  GradientCase result;
  AttentionCase& call = result.call;
  call.shape = shape;
  const Shape rows = {batch, heads, q_len, 1};
  const auto count = static_cast<size_t>(batch * heads * q_len);
  call.q = call.own(Tensor::from(rows, std::vector<float>(count, 1)));
  const Shape keys = {batch, 1, kv_len, 1};
  const TensorView k = call.own(Tensor::from({1, 1, kv_len, 1}, scores));
  const TensorView v = call.own(Tensor::from({1, 1, kv_len, 1}, of_keys));
  call.k = k.broadcast_to(keys);
  call.v = v.broadcast_to(keys);
  call.options.scale = 1.0F;
  result.d_o = call.own(Tensor::from(rows, d_o));
  result.d_lse = call.own(Tensor::from({batch, heads, q_len}, d_lse));
  return result;
}

// One row.
GradientCase scored(const std::vector<float>& scores,
                    const std::vector<float>& of_keys, float d_o, float d_lse) {
  return scored({1, 1, 1, static_cast<int64_t>(scores.size())}, scores, of_keys,
                {d_o}, {d_lse});
}

// A bias of zeros of the given shape.
GradientCase with_bias(GradientCase gradient, const Shape& shape) {
  gradient.call.bias = Tensor(DType::f32, shape);
  return gradient;
}

TEST_P(ContractBackwardTest, OneKeyGetsTheGradientOfTheOutputAsItIs) {
  const AttentionGradients result = run(scored({3}, {5}, 0.7F, 0));
  EXPECT_EQ(values(result.dv), std::vector<float>{0.7F});
  EXPECT_EQ(bits(result.dk), std::vector<uint32_t>{0});
  EXPECT_EQ(bits(result.dq), std::vector<uint32_t>{0});
}

TEST_P(ContractBackwardTest, GradientOfLseIsSharedOutByTheWeights) {
  const AttentionGradients result = run(scored({3, 3}, {5, 5}, 0.7F, 8));
  EXPECT_EQ(values(result.dk), (std::vector<float>{4, 4}));
  EXPECT_EQ(values(result.dq), std::vector<float>{24});
}

// w = 1/2; o = 2, so dp - delta = 3 (v - 2).
TEST_P(ContractBackwardTest, TwoEqualKeysGiveWhatIsWorkedOutByHand) {
  const AttentionGradients result =
      run(with_bias(scored({5, 5}, {1, 3}, 3, 0), {2}));
  EXPECT_EQ(values(result.dv), (std::vector<float>{1.5F, 1.5F}));
  EXPECT_EQ(values(result.dk), (std::vector<float>{-1.5F, 1.5F}));
  EXPECT_EQ(values(result.dbias), (std::vector<float>{-1.5F, 1.5F}));
  EXPECT_EQ(bits(result.dq), std::vector<uint32_t>{0});
}

TEST_P(ContractBackwardTest, ScaleMultipliesTheSums) {
  GradientCase gradient = scored({6, 6}, {5, 5}, 0, 8);
  gradient.call.options.scale = 0.25F;
  const AttentionGradients result = run(gradient);
  EXPECT_EQ(values(result.dk), (std::vector<float>{1, 1}));
  EXPECT_EQ(values(result.dq), std::vector<float>{12});
}

// tanh is 0 at 0 and 1 in f32 far above it. The bias comes after.
TEST_P(ContractBackwardTest, SlopeOfTheSoftcapIsOneAtZeroAndZeroFarAbove) {
  for (const float score : {0.0F, 100.0F}) {
    GradientCase gradient = with_bias(scored({score}, {5}, 0, 8), {1});
    gradient.call.options.softcap = 2;
    const AttentionGradients result = run(gradient);
    EXPECT_EQ(values(result.dbias), std::vector<float>{8});
    EXPECT_EQ(values(result.dk), std::vector<float>{score == 0 ? 8.0F : 0.0F});
  }
}

void expect_zeros(const AttentionGradients& result) {
  for (const Tensor* each :
       {&result.dq, &result.dk, &result.dv, &result.dbias}) {
    EXPECT_EQ(bits(*each),
              std::vector<uint32_t>(static_cast<size_t>(each->size()), 0));
  }
}

TEST_P(ContractBackwardTest, RowWithoutKeysAddsNothingWhateverItHolds) {
  for (const float x : {kNan, kInf, -1.0F}) {
    GradientCase gradient = with_bias(scored({x, 1}, {kNan, x}, x, x), {1});
    gradient.call.mask = none();
    expect_zeros(run(gradient));
  }
}

TEST_P(ContractBackwardTest, RowWhoseVisibleScoresAreAllMinusInfAddsNothing) {
  for (const float x : {kNan, kInf, -1.0F}) {
    expect_zeros(run(
        with_bias(scored({kMinusInf, kMinusInf}, {x, 5}, x, x), {1, 1, 1, 1})));
  }
}

TEST_P(ContractBackwardTest, VisibleMinusInfScoreAddsNothing) {
  const GradientCase without = with_bias(scored({1, 2}, {3, 4}, 5, 6), {2});
  const GradientCase with =
      with_bias(scored({1, kMinusInf, 2}, {3, kNan, 4}, 5, 6), {3});
  const AttentionGradients expected = run(without);
  const AttentionGradients result = run(with);
  EXPECT_EQ(bits(result.dq), bits(expected.dq));
  for (Tensor AttentionGradients::*each :
       {&AttentionGradients::dk, &AttentionGradients::dv,
        &AttentionGradients::dbias}) {
    const std::vector<uint32_t> of_two = bits(expected.*each);
    EXPECT_EQ(bits(result.*each),
              (std::vector<uint32_t>{of_two[0], 0, of_two[1]}));
  }
}

// Row 0 sees keys 0 and 1, row 1 keys 1 and 2, row 2 key 2.
TEST_P(ContractBackwardTest, NanScoreReachesItsRowAndTheKeysThatItSees) {
  GradientCase gradient = scored({1, 1, 4, 4}, {kNan, 1, 2, 3}, {1, 1, 1, 1},
                                 {1, 1, 1, 1}, {1, 1, 1, 1});
  gradient.call.mask = sliding_window({.left = 0, .right = 1}) & prefix(3);
  const AttentionGradients result = run(gradient);
  const std::vector<uint32_t> dq = bits(result.dq);
  EXPECT_EQ(dq[0], kStoredNan);
  EXPECT_EQ(values(result.dq)[2], 2);
  EXPECT_EQ(dq[3], 0u);
  for (const Tensor* each : {&result.dk, &result.dv}) {
    EXPECT_EQ(bits(*each)[0], kStoredNan);
    EXPECT_EQ(bits(*each)[1], kStoredNan);
    EXPECT_FALSE(std::isnan(values(*each)[2]));
    EXPECT_EQ(bits(*each)[3], 0u);
  }
}

TEST_P(ContractBackwardTest, NanInTheGradientOfARowReachesWhatItSees) {
  GradientCase gradient =
      scored({1, 1, 2, 2}, {1, 2}, {1, 1}, {kNan, 1}, {0, 1});
  gradient.call.mask = sliding_window({.left = 0, .right = 0});
  const AttentionGradients result = run(gradient);
  EXPECT_EQ(bits(result.dq)[0], kStoredNan);
  EXPECT_EQ(values(result.dq)[1], 2);
  EXPECT_EQ(bits(result.dk)[0], kStoredNan);
  EXPECT_EQ(values(result.dk)[1], 1);
  EXPECT_EQ(bits(result.dv)[0], kStoredNan);
  EXPECT_EQ(values(result.dv)[1], 1);
}

// (1 + 2^24) - 2^24 is 0, in another order 1.
TEST_P(ContractBackwardTest, HeadsOfAGroupAreAddedInAscendingOrder) {
  const AttentionGradients result = run(scored(
      {1, 3, 1, 1}, {0}, {5}, {1, kLarge, -kLarge}, {1, kLarge, -kLarge}));
  EXPECT_EQ(values(result.dv), std::vector<float>{0});
  EXPECT_EQ(values(result.dk), std::vector<float>{0});
}

// Chains (2^24 + 1) - 2^24 = 0 and 1, whose sum is 1; descending it would be 2,
// and with heads inside queries 0.
TEST_P(ContractBackwardTest, QueriesOfEachHeadAreAddedInAscendingOrder) {
  const std::vector<float> of_rows = {kLarge, 1, -kLarge, 1, 0, 0};
  const AttentionGradients result =
      run(scored({1, 2, 3, 1}, {0}, {5}, of_rows, of_rows));
  EXPECT_EQ(values(result.dv), std::vector<float>{1});
  EXPECT_EQ(values(result.dk), std::vector<float>{1});
}

// Each head is a chain of its own: 2^24 + (1 + 1), not (2^24 + 1) + 1.
TEST_P(ContractBackwardTest, HeadsAreChainsOfTheirOwn) {
  const std::vector<float> of_rows = {kLarge, 0, 1, 1};
  const AttentionGradients result =
      run(with_bias(scored({1, 2, 2, 1}, {0}, {5}, of_rows, of_rows), {1}));
  EXPECT_EQ(values(result.dv), std::vector<float>{kLarge + 2});
  EXPECT_EQ(values(result.dk), std::vector<float>{kLarge + 2});
  EXPECT_EQ(values(result.dbias), std::vector<float>{kLarge + 2});
}

// With one key a gradient of lse is that of its score: db = d_lse. Batch
// outside: ((1 + 2^24) - 2^24) + 1 = 1; heads outside it would be 2.
TEST_P(ContractBackwardTest, BiasOfAllAddsBatchesOutsideHeads) {
  const std::vector<float> d_lse = {1, kLarge, -kLarge, 1};
  const std::vector<float> zeros(4, 0);
  for (const Shape& shape : {Shape{1}, Shape{1, 1, 1, 1}}) {
    EXPECT_EQ(values(run(with_bias(scored({2, 2, 1, 1}, {0}, {5}, zeros, d_lse),
                                   shape))
                         .dbias),
              std::vector<float>{1});
  }
}

// Two keys of equal scores: row 0 gives them 2^24 and -2^24, row 1 each a 1.
GradientCase two_rows_of_two_keys() {
  return scored({1, 1, 2, 2}, {0, 0}, {1, -1}, {2 * kLarge, 0}, {0, 2});
}

// (2^24 - 2^24) + 1 + 1 = 2; keys outside queries it would be 1.
TEST_P(ContractBackwardTest, BiasOfOneNumberAddsQueriesOutsideKeys) {
  EXPECT_EQ(values(run(with_bias(two_rows_of_two_keys(), {1})).dbias),
            std::vector<float>{2});
}

TEST_P(ContractBackwardTest, BiasKeepsTheAxesThatItHas) {
  const GradientCase gradient = two_rows_of_two_keys();
  EXPECT_EQ(values(run(with_bias(gradient, {2, 2})).dbias),
            (std::vector<float>{kLarge, -kLarge, 1, 1}));
  EXPECT_EQ(values(run(with_bias(gradient, {2, 1})).dbias),
            (std::vector<float>{0, 2}));
  // 2^24 + 1 is 2^24, and -2^24 + 1 exact.
  EXPECT_EQ(values(run(with_bias(gradient, {1, 2})).dbias),
            (std::vector<float>{kLarge, 1 - kLarge}));
}

TEST_P(ContractBackwardTest, BiasOfHeadsOrItemsAddsTheOthers) {
  const std::vector<float> d_lse = {1, 2, 3, 4};
  const GradientCase gradient =
      scored({2, 2, 1, 1}, {0}, {5}, std::vector<float>(4, 0), d_lse);
  EXPECT_EQ(values(run(with_bias(gradient, {2, 2, 1, 1})).dbias), d_lse);
  EXPECT_EQ(values(run(with_bias(gradient, {2, 1, 1, 1})).dbias),
            (std::vector<float>{3, 7}));
  EXPECT_EQ(values(run(with_bias(gradient, {1, 2, 1, 1})).dbias),
            (std::vector<float>{4, 6}));
}

TEST_P(ContractBackwardTest, MinusZeroIsNeverStored) {
  GradientCase gradient = scored({-0.0F, -0.0F}, {-0.0F, 0}, -0x1p-149F, 0);
  gradient.call.options.scale = -1.0F;
  expect_zeros([&] {
    AttentionGradients result = run(gradient);
    result.dbias = Tensor(DType::f32, {1});
    return result;
  }());
}

}  // namespace
}  // namespace maskwise::testing
