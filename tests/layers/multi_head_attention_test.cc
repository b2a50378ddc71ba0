#include "maskwise/nn/multi_head_attention.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/layer_masks.h"

namespace maskwise::testing {
namespace {

using nn::MultiHeadAttention;
using nn::MultiHeadAttentionGradients;
using nn::MultiHeadAttentionOptions;
using nn::MultiHeadAttentionResult;

constexpr AttentionShape kCross = {2, 4, 3, 5};

LayerFunction oracle_of(const MultiHeadAttention& layer,
                        const AttentionShape& shape, const Tensor& seen,
                        const std::vector<int64_t>& positions = {}) {
  const AttentionSizes sizes = {
      size_t(shape.batch),      size_t(layer.heads()), size_t(layer.kv_heads()),
      size_t(layer.features()), layer.rotary_base(),   positions};
  return [=](const WideMap& w) {
    const auto memory = w.find("memory");
    return multi_head_oracle(w.at("x"),
                             memory == w.end() ? w.at("x") : memory->second, w,
                             "", sizes, visible_in(seen));
  };
}

TEST(MultiHeadAttention, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(9);
  for (const int64_t kv_heads : {4, 2, 1}) {
    MultiHeadAttention layer({8, 4, kv_heads});
    randomise(rng, layer);
    const Tensor seen = mask_with_gaps(rng, kCross);
    const MaskPlan plan = compile(allow(seen).bind(kCross));
    const Tensor x = normal(rng, {2, 3, 8});
    const Tensor memory = normal(rng, {2, 5, 8});
    const Tensor d_y = normal(rng, {2, 3, 8});
    WideMap at = wide_parameters(layer);
    at["x"] = widened(x);
    at["memory"] = widened(memory);
    const LayerFunction y_of = oracle_of(layer, kCross, seen);
    const MultiHeadAttentionResult result = layer.forward(x, memory, plan);
    expect_close(result.y, y_of(at), "y");
    const MultiHeadAttentionGradients gradients =
        layer.backward(x, memory, plan, result, d_y);
    TensorMap found = layer.gradients();
    found["x"] = gradients.d_x;
    found["memory"] = gradients.d_memory;
    expect_slopes(y_of, at, d_y, found);
  }
}

// Of self-attention the gradient of x is the sum of both.
void expect_self_attention(Rng& rng, MultiHeadAttention& layer,
                           const std::vector<int64_t>& positions = {}) {
  randomise(rng, layer);
  const nn::TokenRows tokens = {.positions = positions};
  const AttentionShape shape = {2, layer.heads(), 4, 4};
  const Tensor seen = mask_with_gaps(rng, shape);
  const MaskPlan plan = compile(allow(seen).bind(shape));
  const Tensor x = normal(rng, {2, 4, 8});
  const Tensor d_y = normal(rng, {2, 4, 8});
  WideMap at = wide_parameters(layer);
  at["x"] = widened(x);
  const LayerFunction y_of = oracle_of(layer, shape, seen, positions);
  const MultiHeadAttentionResult result =
      layer.forward(x, x, plan, Weights::none, {}, tokens);
  expect_close(result.y, y_of(at), "y");
  const MultiHeadAttentionGradients gradients =
      layer.backward(x, x, plan, result, d_y, {}, tokens);
  Tensor sum = gradients.d_x.clone();
  for (int64_t i = 0; i < sum.size(); ++i) {
    sum.mutable_data<float>()[i] += gradients.d_memory.data<float>()[i];
  }
  TensorMap found = layer.gradients();
  found["x"] = sum;
  expect_slopes(y_of, at, d_y, found);
}

TEST(MultiHeadAttention, OfSelfAttentionTheGradientIsTheSum) {
  Rng rng(10);
  MultiHeadAttention layer({8, 4, 2});
  expect_self_attention(rng, layer);
}

// Positions of padding at the left, and some that are no indices.
TEST(MultiHeadAttention, RotaryPositionsGiveTheValuesAndSlopesOfTheFormula) {
  Rng rng(44);
  for (const int64_t heads : {4, 2}) {
    for (int64_t kv_heads = 1; kv_heads <= heads; kv_heads *= 2) {
      MultiHeadAttention layer({8, heads, kv_heads, 50});
      expect_self_attention(rng, layer, {0, 0, 1, 2, 5, 3, 9, 40});
    }
  }
}

TEST(MultiHeadAttention, RotaryPositionsThatAreNotSaidAreIndices) {
  Rng rng(45);
  MultiHeadAttention layer({8, 2, 2, 50});
  randomise(rng, layer);
  const MaskPlan plan = compile(causal().bind({2, 2, 3, 3}));
  const Tensor x = normal(rng, {2, 3, 8});
  const auto at = [&](const std::vector<int64_t>& positions) {
    return layer.forward(x, x, plan, Weights::none, {},
                         {.positions = positions});
  };
  const MultiHeadAttentionResult result = layer.forward(x, x, plan);
  EXPECT_TRUE(same_bits(result.y, at({0, 1, 2, 0, 1, 2}).y));
  EXPECT_TRUE(same_bits(result.q, at({0, 1, 2, 0, 1, 2}).q));
  EXPECT_FALSE(same_bits(result.q, at({0, 1, 2, 3, 4, 5}).q));
  // Distances alone count in y, up to roundings.
  const Wide y = widened(result.y);
  EXPECT_LE(worst_error(at({7, 8, 9, 100, 101, 102}).y, y), kLayerTolerance);
  EXPECT_GT(worst_error(at({0, 2, 4, 0, 1, 2}).y, y), 0.01);
}

TEST(MultiHeadAttention, AQueryWithoutKeysGivesTheBiasOfTheOutput) {
  Rng rng(11);
  MultiHeadAttention layer({4, 2});
  randomise(rng, layer);
  const MaskPlan plan = compile(none().bind({1, 2, 2, 3}));
  Tensor x(DType::f32, {1, 2, 4});
  std::fill_n(x.mutable_data<float>(), x.size(), kNan);
  const Tensor memory = normal(rng, {1, 3, 4});
  const MultiHeadAttentionResult result = layer.forward(x, memory, plan);
  for (int64_t i = 0; i < 8; ++i) {
    EXPECT_EQ(result.y.data<float>()[i],
              layer.out_proj.bias.value.data<float>()[i % 4]);
  }
  const MultiHeadAttentionGradients gradients =
      layer.backward(x, memory, plan, result, normal(rng, {1, 2, 4}));
  EXPECT_TRUE(same_bits(gradients.d_x, Tensor(DType::f32, {1, 2, 4})));
  EXPECT_TRUE(same_bits(gradients.d_memory, Tensor(DType::f32, {1, 3, 4})));
}

TEST(MultiHeadAttention, GivesWeightsWhenAskedFor) {
  Rng rng(12);
  MultiHeadAttention layer({4, 2});
  randomise(rng, layer);
  const Tensor x = normal(rng, {1, 3, 4});
  const MaskPlan plan = compile(causal().bind({1, 2, 3, 3}));
  EXPECT_FALSE(layer.forward(x, x, plan).attention.weights.defined());
  const Tensor weights =
      layer.forward(x, x, plan, Weights::all).attention.weights;
  ASSERT_EQ(weights.shape(), (Shape{1, 2, 3, 3}));
  EXPECT_EQ(weights.data<float>()[0], 1);
  EXPECT_EQ(weights.data<float>()[1], 0);
}

TEST(MultiHeadAttention, RefusesSizesThatDoNotDivide) {
  const auto refuses = [](const MultiHeadAttentionOptions& options,
                          const std::string& fragment) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { MultiHeadAttention{options}; }));
  };
  refuses({8, 3, 0}, "8 features and 3 heads; expected heads that divide");
  refuses({0, 1, 0}, "0 features and 1 heads");
  refuses({8, 0, 0}, "8 features and 0 heads");
  refuses({-8, -2, 0}, "-8 features and -2 heads");
  refuses({8, 4, 3}, "4 heads and 3 kv heads; expected kv heads that divide");
  refuses({8, 4, -1}, "4 heads and -1 kv heads");
  refuses({12, 4, 4, 10000},
          "heads of 3 features under rotary positions; expected an even "
          "number");
  for (const double base : {1.0, 0.5, -10000.0, double(kInf), double(kNan)}) {
    refuses({8, 4, 4, base}, "expected a finite number above 1, or 0 for none");
  }
  refuses({8, 4, 4, -2}, "a rotary base of -2; expected");
}

TEST(MultiHeadAttention, RotaryPositionsAreForSelfAttention) {
  MultiHeadAttention layer({4, 2, 2, 100});
  const MaskPlan cross = compile(all().bind({1, 2, 3, 5}));
  const MaskPlan self = compile(all().bind({1, 2, 3, 3}));
  const Tensor x(DType::f32, {1, 3, 4});
  const Tensor memory(DType::f32, {1, 5, 4});
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "3 queries and 5 keys under rotary positions; expected the same tokens "
      "(self-attention)",
      [&] { layer.forward(x, memory, cross); }));
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const nn::TokenRows& tokens) {
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      layer.forward(x, x, self, Weights::none, {}, tokens);
    }));
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      layer.backward(x, x, self, layer.forward(x, x, self), x, {}, tokens);
    }));
  };
  refuses(ErrorCode::shape_mismatch,
          "[multi_head_attention] expected positions of 3 rows, one for each "
          "of x, got 2",
          {.positions = {0, 1}});
  refuses(ErrorCode::invalid_argument, "position -1 of row 2",
          {.positions = {0, 1, -1}});
}

TEST(MultiHeadAttention, RefusesTensorsThatDoNotFit) {
  MultiHeadAttention layer({4, 2});
  const MaskPlan plan = compile(all().bind({1, 2, 3, 5}));
  const Tensor x(DType::f32, {1, 3, 4});
  const Tensor memory(DType::f32, {1, 5, 4});
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const TensorView& one, const TensorView& other,
                           const MaskPlan& mask) {
    EXPECT_TRUE(
        throws_error(code, fragment, [&] { layer.forward(one, other, mask); }));
  };
  const auto misfit = ErrorCode::shape_mismatch;
  refuses(misfit,
          "expected x of shape [1, 3, 4], got [1, 5, 4]; the mask is of shape "
          "[1, 2, 3, 5]",
          memory, memory, plan);
  refuses(misfit,
          "expected memory of shape [1, 5, 4], got [1, 3, 4]; the mask is of "
          "shape [1, 2, 3, 5]",
          x, x, plan);
  refuses(misfit, "expected x of shape [..., 4], got nothing", {}, memory,
          plan);
  refuses(misfit, "expected memory of shape [..., 4], got nothing", x, {},
          plan);
  refuses(ErrorCode::invalid_argument, "expected x of type f32, got bf16",
          Tensor(DType::bf16, {1, 3, 4}), memory, plan);
  refuses(misfit, "expected a plan of 2 heads, got one of 4", x, memory,
          compile(all().bind({1, 4, 3, 5})));
}

TEST(MultiHeadAttention, RefusesABackwardCallThatDoesNotFit) {
  MultiHeadAttention layer({4, 2});
  const MaskPlan plan = compile(all().bind({1, 2, 3, 5}));
  const Tensor x(DType::f32, {1, 3, 4});
  const Tensor memory(DType::f32, {1, 5, 4});
  const MultiHeadAttentionResult result = layer.forward(x, memory, plan);
  const auto refuses = [&](const std::string& fragment, const MaskPlan& mask,
                           const MultiHeadAttentionResult& made,
                           const TensorView& d_y) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, fragment, [&] {
      layer.backward(x, memory, mask, made, d_y);
    }));
  };
  refuses("expected d_y of shape [1, 3, 4], got [1, 5, 4]", plan, result,
          memory);
  refuses("expected d_y of shape [..., 4], got nothing", plan, result, {});
  refuses("expected a plan of 2 heads, got one of 4",
          compile(all().bind({1, 4, 3, 5})), result, x);
  refuses("expected result.q of shape [1, 3, 2, 2], got nothing", plan, {}, x);
  MultiHeadAttentionResult mixed = result;
  mixed.kv = Tensor(DType::f32, {1, 5, 2, 1, 2});
  refuses("expected result.kv of shape [1, 5, 2, 2, 2], got [1, 5, 2, 1, 2]",
          plan, mixed, x);
  mixed = result;
  mixed.attention.o = Tensor(DType::f32, {1, 3, 1, 2});
  refuses("expected result.attention.o of shape [1, 3, 2, 2]", plan, mixed, x);
}

}  // namespace
}  // namespace maskwise::testing
