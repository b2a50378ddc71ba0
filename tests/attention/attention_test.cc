// attention(): what it returns, for which shapes, types, layouts and options.
#include "maskwise/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_oracle.h"
#include "tests/support/attention_random.h"
#include "tests/support/attention_rows.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 1848;
constexpr double kUnit = 0x1p-24;

const AttentionShape kShape{.batch = 2, .heads = 4, .q_len = 3, .kv_len = 5};
constexpr Dims kDims{.kv_heads = 2, .head_dim = 6, .value_dim = 7};

AttentionCase plain_case(const Mask& mask = causal({.offset = 2})) {
  Rng rng(kSeed);
  return make_case(rng, kShape, mask, kDims);
}

TEST(AttentionTest, ResultsHaveTheShapesOfTheHeader) {
  const AttentionResult result = plain_case().run();
  EXPECT_EQ(result.o.shape(), (Shape{2, 4, 3, 7}));
  for (const Tensor* rows : {&result.lse, &result.m, &result.l}) {
    EXPECT_EQ(rows->shape(), (Shape{2, 4, 3}));
    EXPECT_EQ(rows->dtype(), DType::f32);
  }
  for (const Tensor* pairs : {&result.weights, &result.scores}) {
    EXPECT_EQ(pairs->shape(), (Shape{2, 4, 3, 5}));
    EXPECT_EQ(pairs->dtype(), DType::f32);
  }
}

TEST(AttentionTest, WeightsAndScoresAreMadeOnlyWhenAskedFor) {
  AttentionCase call = plain_case();
  const AttentionResult with = call.run();
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  const AttentionResult without = call.run();
  EXPECT_FALSE(without.weights.defined());
  EXPECT_FALSE(without.scores.defined());
  EXPECT_TRUE(same_bits(without.o, with.o));
  EXPECT_TRUE(same_bits(without.lse, with.lse));
}

TEST(AttentionTest, InputsAreLeftAsTheyWere) {
  const AttentionCase call = plain_case();
  std::vector<Tensor> before;
  for (const Tensor& tensor : call.owned) before.push_back(tensor.clone());
  call.run();
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_TRUE(same_bits(call.owned[i], before[i]));
  }
}

TEST(AttentionTest, DefaultScaleIsOneOverTheRootOfTheHeadDim) {
  AttentionCase call = plain_case();
  const AttentionResult with_default = call.run();
  call.options.scale = static_cast<float>(1 / std::sqrt(6.0));
  EXPECT_TRUE(same_bits(call.run(), with_default));
  call.options.scale = 0.25F;
  EXPECT_FALSE(same_bits(call.run(), with_default));
}

TEST(AttentionTest, GroupsOfQueryHeadsUseTheSameKvHead) {
  for (const int64_t kv_heads : {1, 2, 4}) {
    Rng rng(kSeed);
    AttentionCase call = make_case(rng, kShape, all(), {.kv_heads = kv_heads});
    const AttentionResult result = call.run();
    for (TensorView AttentionCase::*member :
         {&AttentionCase::k, &AttentionCase::v}) {
      const TensorView few = call.*member;
      Tensor many(DType::f32, {2, 4, 5, 4});
      for (int64_t i = 0; i < 8; ++i) {
        const Tensor head = rows_of(few, {i / 4, i % 4 / (4 / kv_heads), 0}, 5);
        std::memcpy(many.mutable_data<float>() + i * 20, head.bytes(),
                    sizeof(float) * 20);
      }
      call.*member = call.own(many);
    }
    EXPECT_TRUE(same_bits(call.run(), result)) << kv_heads << " kv heads";
  }
}

// [B, H, L, D] in memory as [B, L, H, D].
Tensor as_blhd(const TensorView& view) {
  return Tensor::copy_of(view.permuted({0, 2, 1, 3}));
}

TEST(AttentionTest, LayoutBlhdHoldsTheBitsOfBhldInAnotherOrder) {
  AttentionCase call = plain_case();
  const AttentionResult bhld = call.run();
  call.q = call.own(as_blhd(call.q));
  call.k = call.own(as_blhd(call.k));
  call.v = call.own(as_blhd(call.v));
  call.options.layout = Layout::blhd;
  AttentionResult blhd = call.run();
  EXPECT_EQ(blhd.o.shape(), (Shape{2, 3, 4, 7}));
  blhd.o = Tensor::copy_of(blhd.o.view().permuted({0, 2, 1, 3}));
  EXPECT_TRUE(same_bits(blhd, bhld));
}

TEST(AttentionTest, StridesOfEveryKindGiveTheBitsOfDenseCopies) {
  Rng rng(kSeed);
  std::normal_distribution<float> values;
  for (int64_t i = 0; i < cases(300); ++i) {
    AttentionCase call = random_case(rng, {}, [&] { return values(rng); });
    const AttentionResult strided = call.run();
    call.q = call.own(Tensor::copy_of(call.q));
    call.k = call.own(Tensor::copy_of(call.k));
    call.v = call.own(Tensor::copy_of(call.v));
    ASSERT_TRUE(same_bits(call.run(), strided)) << "case " << i;
  }
}

TEST(AttentionTest, HalfInputsGiveTheBitsOfInputsConvertedByHand) {
  const AttentionCase call = plain_case();
  for (const DType q_type : {DType::f32, DType::f16, DType::bf16}) {
    for (const DType kv_type : {DType::f32, DType::f16, DType::bf16}) {
      AttentionCase half = call;
      half.q = half.own(from_f32(call.q, q_type));
      half.k = half.own(from_f32(call.k, kv_type));
      half.v = half.own(from_f32(call.v, kv_type));
      const AttentionResult result = half.run();
      half.q = half.own(to_f32(half.q));
      half.k = half.own(to_f32(half.k));
      half.v = half.own(to_f32(half.v));
      AttentionResult by_hand = half.run();
      by_hand.o = from_f32(by_hand.o, q_type);
      EXPECT_EQ(result.o.dtype(), q_type);
      EXPECT_TRUE(same_bits(result, by_hand))
          << name_of(q_type) << " " << name_of(kv_type);
    }
  }
}

TEST(AttentionTest, HalfBiasAndSlopesAreConvertedExactly) {
  Rng rng(kSeed);
  AttentionCase call = plain_case();
  call.bias = from_f32(normal(rng, {3, 5}), DType::bf16);
  call.alibi_slopes =
      from_f32(Tensor::from<float>({4}, {0.5F, 0.25F, 2, 1}), DType::f16);
  const AttentionResult result = call.run();
  call.bias = to_f32(call.bias);
  call.alibi_slopes = to_f32(call.alibi_slopes);
  EXPECT_TRUE(same_bits(call.run(), result));
}

TEST(AttentionTest, BiasOfEveryRankIsBroadcastFromTheRight) {
  Rng rng(kSeed);
  for (const Shape& shape :
       {Shape{}, Shape{1}, Shape{5}, Shape{3, 1}, Shape{3, 5}, Shape{4, 1, 1},
        Shape{4, 3, 5}, Shape{2, 1, 1, 5}, Shape{1, 4, 3, 1},
        Shape{2, 4, 3, 5}}) {
    AttentionCase call = plain_case();
    call.bias = normal(rng, shape);
    const AttentionResult result = call.run();
    call.bias = Tensor::copy_of(call.bias.view().broadcast_to({2, 4, 3, 5}));
    EXPECT_TRUE(same_bits(call.run(), result)) << to_string(shape);
  }
}

TEST(AttentionTest, AlibiIsABiasOfSlopeTimesDistance) {
  AttentionCase call = plain_case();
  add_alibi(call);
  const std::vector<int64_t> q_at = {7, 9, 10};
  const std::vector<int64_t> kv_at = {0, 3, 4, 8, 20, 1, 2, 3, 4, 5};
  call.q_positions = Tensor::from<int32_t>({3}, {7, 9, 10});
  call.kv_positions = Tensor::from({2, 5}, kv_at);
  const AttentionResult with_slopes = call.run();
  Tensor bias(DType::f32, {2, 4, 3, 5});
  for (int64_t i = 0; i < bias.size(); ++i) {
    const int64_t b = i / 60;
    const int64_t distance = kv_at[static_cast<size_t>(b * 5 + i % 5)] -
                             q_at[static_cast<size_t>(i / 5 % 3)];
    bias.mutable_data<float>()[i] =
        call.alibi_slopes.data<float>()[i / 15 % 4] *
        static_cast<float>(distance);
  }
  call.alibi_slopes = call.q_positions = call.kv_positions = Tensor();
  call.bias = bias;
  EXPECT_TRUE(same_bits(call.run(), with_slopes));
}

TEST(AttentionTest, AlibiPositionsCountFromZeroUnlessGiven) {
  AttentionCase call = plain_case();
  add_alibi(call);
  const AttentionResult by_default = call.run();
  call.q_positions = Tensor::from<int64_t>({3}, {0, 1, 2});
  call.kv_positions = Tensor::from<int64_t>({5}, {0, 1, 2, 3, 4});
  EXPECT_TRUE(same_bits(call.run(), by_default));
}

// One query, one key and numbers without rounding: 6 q.k, capped, biased.
TEST(AttentionTest, ScoresAreThoseBeforeAndAfterSoftcapAndBias) {
  AttentionCase call;
  call.shape = {1, 1, 1, 2};
  call.mask = prefix(1);
  call.q = call.own(Tensor::from<float>({1, 1, 1, 1}, {2}));
  call.k = call.own(Tensor::from<float>({1, 1, 2, 1}, {4, 5}));
  call.v = call.own(Tensor::from<float>({1, 1, 2, 1}, {1, 1}));
  call.bias = Tensor::from<float>({1}, {-0.5F});
  call.options.scale = 3.0F;
  call.options.softcap = 2;  // tanh(12) is 1 in f32
  const std::pair<Scores, float> stages[] = {
      {Scores::raw, 24}, {Scores::capped, 2}, {Scores::biased, 1.5F}};
  for (const auto& [stage, expected] : stages) {
    call.options.scores = stage;
    const AttentionResult result = call.run();
    EXPECT_EQ(result.scores.data<float>()[0], expected);
    EXPECT_EQ(result.scores.data<float>()[1], kMinusInf);
    EXPECT_EQ(result.lse.data<float>()[0], 1.5F);
  }
}

// l is a chain of n terms, each sum off by u; then 1/l and the product by u
// each. The terms themselves are the same numbers on both sides.
TEST(AttentionTest, WeightsOfARowSumToOne) {
  Rng rng(kSeed);
  for (const int64_t keys : {1, 2, 10, 300, 1024}) {
    const AttentionResult result =
        make_case(rng, {1, 2, 20, keys}, all()).run();
    for (int64_t row = 0; row < 40; ++row) {
      double sum = 0;
      for (int64_t k = 0; k < keys; ++k) {
        const float weight = result.weights.data<float>()[row * keys + k];
        ASSERT_GE(weight, 0);
        sum += static_cast<double>(weight);
      }
      ASSERT_NEAR(sum, 1, (static_cast<double>(keys) + 2) * kUnit);
    }
  }
}

// The sums of the oracle with the weights that were returned: both sides are
// within the gate of the truth.
TEST(AttentionTest, WeightsTimesValuesIsTheOutput) {
  const AttentionCase call = plain_case();
  const AttentionResult result = call.run();
  const std::vector<double> gate = oracle_of(call).gate;
  for (int64_t i = 0; i < result.o.size(); ++i) {
    const int64_t row = i / 7;
    double sum = 0;
    for (int64_t k = 0; k < 5; ++k) {
      const int64_t kv_head = row / 3 / 2;  // 3 rows a head, 2 heads a group
      sum += static_cast<double>(result.weights.data<float>()[row * 5 + k]) *
             static_cast<double>(
                 call.v.data<float>()[(kv_head * 5 + k) * 7 + i % 7]);
    }
    EXPECT_NEAR(static_cast<double>(result.o.data<float>()[i]), sum,
                2 * gate[static_cast<size_t>(i)]);
  }
}

TEST(AttentionTest, FullyMaskedRowsAreAbsentAndOthersAreNot) {
  const AttentionResult result =
      plain_case(causal({.offset = -1})).run();  // row 0 sees nothing
  for (int64_t row = 0; row < result.lse.size(); ++row) {
    const bool absent = row % 3 == 0;
    EXPECT_EQ(result.lse.data<float>()[row] == kMinusInf, absent);
    EXPECT_EQ(result.m.data<float>()[row] == kFinfoMin, absent);
    EXPECT_EQ(bits_of(result.l, row) == "0x0", absent);
    EXPECT_EQ(bits_of(result.o, row * 7) == "0x0", absent);
    EXPECT_EQ(bits_of(result.weights, row * 5) == "0x0", absent);
  }
}

TEST(AttentionTest, WithoutKeysEveryRowIsAbsent) {
  Rng rng(kSeed);
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    AttentionCase call = make_case(rng, {2, 2, 70, 0}, all());
    add_bias(rng, call, {70, 1});
    add_alibi(call);
    const AttentionResult result = call.run(backend);
    EXPECT_EQ(result.weights.shape(), (Shape{2, 2, 70, 0}));
    for (int64_t row = 0; row < 280; ++row) {
      EXPECT_EQ(result.lse.data<float>()[row], kMinusInf);
      EXPECT_EQ(result.m.data<float>()[row], kFinfoMin);
      EXPECT_EQ(bits_of(result.l, row), "0x0");
      EXPECT_EQ(bits_of(result.o, row * 4), "0x0");
    }
  }
}

TEST(AttentionTest, EmptyBatchesHeadsQueriesAndValuesGiveEmptyResults) {
  Rng rng(kSeed);
  for (const AttentionShape& shape :
       {AttentionShape{0, 2, 3, 4}, AttentionShape{2, 0, 3, 4},
        AttentionShape{2, 2, 0, 4}, AttentionShape{0, 0, 0, 0}}) {
    for (const int64_t kv_heads : {0, 1}) {
      if (kv_heads == 0 && shape.heads != 0) continue;
      AttentionCase call = make_case(rng, shape, all(), {.kv_heads = kv_heads});
      add_alibi(call);
      const AttentionResult result = call.run();
      EXPECT_EQ(result.o.shape(),
                (Shape{shape.batch, shape.heads, shape.q_len, 4}));
      EXPECT_EQ(result.o.size(), 0);
      EXPECT_TRUE(same_bits(result, call.run(Backend::reference)));
    }
  }
  const AttentionCase no_values =
      make_case(rng, kShape, all(), {.kv_heads = 4, .value_dim = 0});
  const AttentionResult result = no_values.run();
  EXPECT_EQ(result.o.shape(), (Shape{2, 4, 3, 0}));
  EXPECT_TRUE(same_bits(result, no_values.run(Backend::reference)));
}

}  // namespace
}  // namespace maskwise::testing
