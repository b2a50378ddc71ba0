// The public call: shapes, types, layouts, empty axes and options.
#include "maskwise/attention_backward.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>

#include "tests/support/attention_rows.h"
#include "tests/support/gradient_case.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 5;
constexpr Backend kBackends[] = {Backend::cpu, Backend::reference};

AttentionCase plain_case(Rng& rng) {
  AttentionCase call = make_case(
      rng, {.batch = 2, .heads = 4, .q_len = 19, .kv_len = 23},
      causal({.offset = 3}), {.kv_heads = 2, .head_dim = 6, .value_dim = 7});
  add_bias(rng, call, {4, 1, 23});
  return call;
}

TEST(AttentionBackwardTest, EachGradientHasShapeAndTypeOfItsTensor) {
  Rng rng(kSeed);
  AttentionCase call = plain_case(rng);
  call.q = call.own(from_f32(call.q, DType::bf16));
  call.k = call.own(from_f32(call.k, DType::f16));
  call.bias = from_f32(call.bias, DType::bf16);
  const GradientCase gradient = with_gradients(rng, call);
  for (const Backend backend : kBackends) {
    const AttentionGradients result = gradient.run(backend);
    EXPECT_EQ(result.dq.shape(), (Shape{2, 4, 19, 6}));
    EXPECT_EQ(result.dk.shape(), (Shape{2, 2, 23, 6}));
    EXPECT_EQ(result.dv.shape(), (Shape{2, 2, 23, 7}));
    EXPECT_EQ(result.dbias.shape(), (Shape{4, 1, 23}));
    EXPECT_EQ(result.dq.dtype(), DType::bf16);
    EXPECT_EQ(result.dk.dtype(), DType::f16);
    EXPECT_EQ(result.dv.dtype(), DType::f32);
    EXPECT_EQ(result.dbias.dtype(), DType::bf16);
  }
}

TEST(AttentionBackwardTest, GradientOfTheBiasIsThereOnlyWhenAskedFor) {
  Rng rng(kSeed);
  const GradientCase gradient = with_gradients(rng, plain_case(rng));
  const AttentionCase& call = gradient.call;
  const AttentionGradients with = gradient.run();
  for (const Backend backend : kBackends) {
    const AttentionGradients without = attention_backward(
        call.q, call.k, call.v, compile(call.mask.bind(call.shape)),
        call.run(backend), gradient.d_o, call.options_for(backend));
    EXPECT_FALSE(without.dbias.defined());
    EXPECT_TRUE(same_bits(without.dq, with.dq));
    EXPECT_TRUE(same_bits(without.dk, with.dk));
    EXPECT_TRUE(same_bits(without.dv, with.dv));
  }
}

// Halves are converted exactly, the arithmetic is f32 throughout, and what is
// stored is rounded once. o is read as it was stored.
TEST(AttentionBackwardTest, HalfStorageIsF32RoundedOnce) {
  Rng rng(kSeed);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    AttentionCase call = plain_case(rng);
    for (TensorView AttentionCase::*member :
         {&AttentionCase::q, &AttentionCase::k, &AttentionCase::v}) {
      call.*member = call.own(from_f32(call.*member, dtype));
    }
    call.bias = from_f32(call.bias, dtype);
    GradientCase half = with_gradients(rng, call, true);
    half.d_o = half.call.own(from_f32(half.d_o, dtype));
    const MaskPlan plan = compile(call.mask.bind(call.shape));
    AttentionResult forward = half.call.run();
    forward.o = to_f32(forward.o);
    AttentionOptions options = half.call.options_for(Backend::cpu);
    const Tensor bias = to_f32(call.bias);
    options.bias = bias;
    const AttentionGradients whole =
        attention_backward(to_f32(call.q), to_f32(call.k), to_f32(call.v), plan,
                           forward, to_f32(half.d_o), options, half.options());
    for (const Backend backend : kBackends) {
      const AttentionGradients result = half.run(backend);
      EXPECT_TRUE(same_bits(result.dq, from_f32(whole.dq, dtype)));
      EXPECT_TRUE(same_bits(result.dk, from_f32(whole.dk, dtype)));
      EXPECT_TRUE(same_bits(result.dv, from_f32(whole.dv, dtype)));
      EXPECT_TRUE(same_bits(result.dbias, from_f32(whole.dbias, dtype)));
    }
  }
}

Tensor swapped(const TensorView& view) {
  return Tensor::copy_of(view.permuted({0, 2, 1, 3}));
}

TEST(AttentionBackwardTest, LayoutsDifferInNothingButTheOrderOfAxes) {
  Rng rng(kSeed);
  const GradientCase bhld = with_gradients(rng, plain_case(rng), true);
  GradientCase blhd = bhld;
  AttentionCase& call = blhd.call;
  call.options.layout = Layout::blhd;
  call.q = call.own(swapped(call.q));
  call.k = call.own(swapped(call.k));
  call.v = call.own(swapped(call.v));
  blhd.d_o = call.own(swapped(blhd.d_o));
  const AttentionGradients expected = bhld.run();
  for (const Backend backend : kBackends) {
    const AttentionGradients result = blhd.run(backend);
    EXPECT_TRUE(same_bits(swapped(result.dq), expected.dq));
    EXPECT_TRUE(same_bits(swapped(result.dk), expected.dk));
    EXPECT_TRUE(same_bits(swapped(result.dv), expected.dv));
    EXPECT_TRUE(same_bits(result.dbias, expected.dbias));
  }
}

void expect_plus_zeros(const Tensor& tensor, const Shape& shape) {
  ASSERT_EQ(tensor.shape(), shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(tensor.data<float>()[i]), 0u) << i;
  }
}

TEST(AttentionBackwardTest, EmptyAxesGiveEmptyGradientsAndZeros) {
  Rng rng(kSeed);
  for (const AttentionShape& shape : {AttentionShape{0, 2, 3, 4},
                                      {2, 2, 0, 4},
                                      {2, 2, 3, 0},
                                      {0, 2, 0, 0},
                                      {2, 0, 3, 4}}) {
    const auto& [batch, heads, q_len, kv_len] = shape;
    SCOPED_TRACE(::testing::Message()
                 << batch << " " << heads << " " << q_len << " " << kv_len);
    const int64_t kv_heads = heads / 2;
    AttentionCase call =
        make_case(rng, shape, all(),
                  {.kv_heads = kv_heads, .head_dim = 3, .value_dim = 2});
    add_bias(rng, call, {1, 1, 1, 1});
    const GradientCase gradient = with_gradients(rng, call, true);
    for (const Backend backend : kBackends) {
      const AttentionGradients result = gradient.run(backend);
      expect_plus_zeros(result.dq, {batch, heads, q_len, 3});
      expect_plus_zeros(result.dk, {batch, kv_heads, kv_len, 3});
      expect_plus_zeros(result.dv, {batch, kv_heads, kv_len, 2});
      expect_plus_zeros(result.dbias, {1, 1, 1, 1});
    }
  }
}

TEST(AttentionBackwardTest, WhatOnlyTheForwardCallReturnsIsNotLookedAt) {
  Rng rng(kSeed);
  GradientCase gradient = with_gradients(rng, plain_case(rng));
  const AttentionGradients expected = gradient.run();
  gradient.call.options.weights = Weights::all;
  gradient.call.options.scores = Scores::raw;
  gradient.call.options.pair_rows = {1, 3};
  for (const Backend backend : kBackends) {
    EXPECT_TRUE(same_bits(gradient.run(backend), expected));
  }
}

// A gradient of lse of zeros is none.
TEST(AttentionBackwardTest, GradientOfLseIsZeroUnlessGiven) {
  Rng rng(kSeed);
  GradientCase gradient = with_gradients(rng, plain_case(rng));
  const AttentionGradients expected = gradient.run();
  const Tensor zeros(DType::f32, {2, 4, 19});
  gradient.d_lse = zeros;
  EXPECT_TRUE(same_bits(gradient.run(), expected));
}

// d_o may be a broadcast, as of a sum over all outputs.
TEST(AttentionBackwardTest, GradientOfTheOutputMayHaveAnyStrides) {
  Rng rng(kSeed);
  GradientCase gradient = with_gradients(rng, plain_case(rng));
  const Tensor one = Tensor::from<float>({1}, {1});
  gradient.d_o = one.view().broadcast_to({2, 4, 19, 7});
  GradientCase dense = gradient;
  dense.d_o = dense.call.own(Tensor::copy_of(gradient.d_o));
  for (const Backend backend : kBackends) {
    EXPECT_TRUE(same_bits(gradient.run(backend), dense.run()));
  }
}

}  // namespace
}  // namespace maskwise::testing
