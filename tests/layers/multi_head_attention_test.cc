#include "maskwise/nn/multi_head_attention.h"

#include <gtest/gtest.h>

#include <cstdint>

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
constexpr AttentionShape kSelf = {2, 4, 4, 4};

LayerFunction oracle_of(const MultiHeadAttention& layer,
                        const AttentionShape& shape, const Tensor& seen) {
  const AttentionSizes sizes = {size_t(shape.batch), size_t(layer.heads()),
                                size_t(layer.kv_heads()),
                                size_t(layer.features())};
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

TEST(MultiHeadAttention, OfSelfAttentionTheGradientIsTheSum) {
  Rng rng(10);
  MultiHeadAttention layer({8, 4, 2});
  randomise(rng, layer);
  const Tensor seen = mask_with_gaps(rng, kSelf);
  const MaskPlan plan = compile(allow(seen).bind(kSelf));
  const Tensor x = normal(rng, {2, 4, 8});
  const Tensor d_y = normal(rng, {2, 4, 8});
  WideMap at = wide_parameters(layer);
  at["x"] = widened(x);
  const LayerFunction y_of = oracle_of(layer, kSelf, seen);
  const MultiHeadAttentionResult result = layer.forward(x, x, plan);
  expect_close(result.y, y_of(at), "y");
  const MultiHeadAttentionGradients gradients =
      layer.backward(x, x, plan, result, d_y);
  Tensor sum = gradients.d_x.clone();
  for (int64_t i = 0; i < sum.size(); ++i) {
    sum.mutable_data<float>()[i] += gradients.d_memory.data<float>()[i];
  }
  TensorMap found = layer.gradients();
  found["x"] = sum;
  expect_slopes(y_of, at, d_y, found);
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
  refuses(misfit, "expected x of shape [1, 3, 4], got [1, 5, 4]", memory,
          memory, plan);
  refuses(misfit, "expected memory of shape [1, 5, 4], got [1, 3, 4]", x, x,
          plan);
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
