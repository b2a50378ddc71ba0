#include "maskwise/nn/stacks.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::DecoderLayer;
using nn::DecoderLayerGradients;
using nn::DecoderLayerResult;
using nn::DecoderStack;
using nn::DecoderStackResult;
using nn::EncoderLayer;
using nn::EncoderLayerResult;
using nn::EncoderStack;
using nn::EncoderStackResult;
using nn::TokenRows;
using nn::TransformerLayerOptions;

TransformerLayerOptions options() {
  return {.features = 8,
          .heads = 2,
          .hidden = 6,
          .eps = 0.125F,
          .dropout = 0.25,
          .dropout_site = 40};
}

// A layer with its stack's parameters and the sites of its place there.
template <typename Layer>
Layer layer_of(Layer& in_stack, uint64_t place) {
  TransformerLayerOptions with = options();
  with.dropout_site += place * nn::kDropoutSites;
  Layer layer(with);
  layer.load_parameters(in_stack.parameters());
  return layer;
}

// The gradients of a stack's part are those of the layer.
::testing::AssertionResult same_gradients(nn::Module& part,
                                          nn::Module& expected) {
  const TensorMap others = expected.gradients();
  for (const auto& [name, gradient] : part.gradients()) {
    const auto same = same_bits(gradient, others.at(name));
    if (!same) return ::testing::AssertionFailure() << name << same.message();
  }
  return ::testing::AssertionSuccess();
}

std::vector<std::string> names_of(nn::Module& module) {
  std::vector<std::string> names;
  module.visit_parameters("", [&](const std::string& name, nn::Parameter&) {
    names.push_back(name);
  });
  return names;
}

class Stacks : public ::testing::Test {
 protected:
  Rng rng_ = Rng(49);
  const Tensor x_ = normal(rng_, {2, 3, 8});
  const Tensor memory_ = normal(rng_, {2, 4, 8});
  const Tensor d_y_ = normal(rng_, {2, 3, 8});
  const MaskPlan self_ = compile(causal().bind({2, 2, 3, 3}));
  const MaskPlan cross_ = compile(all().bind({2, 2, 3, 4}));
  const TokenRows rows_ = {.dropout = 5};
};

TEST_F(Stacks, OfEncodersAreTheirLayersOneAfterTheOtherAndANorm) {
  EncoderStack stack(2, options());
  randomise(rng_, stack);
  EncoderLayer first = layer_of(stack.layers[0], 0);
  EncoderLayer second = layer_of(stack.layers[1], 1);
  nn::Norm norm = stack.norm;
  const EncoderLayerResult one = first.forward(x_, self_, {}, rows_);
  const EncoderLayerResult two = second.forward(one.y, self_, {}, rows_);
  const EncoderStackResult result = stack.forward(x_, self_, {}, rows_);
  EXPECT_TRUE(same_bits(result.y, norm.forward(two.y)));
  ASSERT_EQ(result.layers.size(), 2U);
  EXPECT_TRUE(same_bits(result.layers[0].y, one.y));

  const Tensor d_two =
      second.backward(two, self_, norm.backward(two.y, d_y_), {}, rows_);
  const Tensor d_x = first.backward(one, self_, d_two, {}, rows_);
  EXPECT_TRUE(same_bits(stack.backward(result, self_, d_y_, {}, rows_), d_x));
  EXPECT_TRUE(same_gradients(stack.layers[0], first));
  EXPECT_TRUE(same_gradients(stack.layers[1], second));
  EXPECT_TRUE(same_gradients(stack.norm, norm));
}

TEST_F(Stacks, OfDecodersAreTheirLayersOneAfterTheOtherAndANorm) {
  DecoderStack stack(2, options());
  randomise(rng_, stack);
  DecoderLayer first = layer_of(stack.layers[0], 0);
  DecoderLayer second = layer_of(stack.layers[1], 1);
  nn::Norm norm = stack.norm;
  const nn::DecoderMasks masks = {self_, cross_};
  const DecoderLayerResult one = first.forward(x_, memory_, masks, {}, rows_);
  const DecoderLayerResult two =
      second.forward(one.y, memory_, masks, {}, rows_);
  const DecoderStackResult result =
      stack.forward(x_, memory_, masks, {}, rows_);
  EXPECT_TRUE(same_bits(result.y, norm.forward(two.y)));
  ASSERT_EQ(result.layers.size(), 2U);
  EXPECT_TRUE(same_bits(result.layers[0].y, one.y));

  const DecoderLayerGradients d_two = second.backward(
      two, memory_, masks, norm.backward(two.y, d_y_), {}, rows_);
  const DecoderLayerGradients d_one =
      first.backward(one, memory_, masks, d_two.d_x, {}, rows_);
  const DecoderLayerGradients d =
      stack.backward(result, memory_, masks, d_y_, {}, rows_);
  EXPECT_TRUE(same_bits(d.d_x, d_one.d_x));
  // Every layer reads the memory; the last one's gradient comes first.
  Tensor d_memory = d_two.d_memory.clone();
  for (int64_t i = 0; i < d_memory.size(); ++i) {
    d_memory.mutable_data<float>()[i] += d_one.d_memory.data<float>()[i];
  }
  EXPECT_TRUE(same_bits(d.d_memory, d_memory));
  EXPECT_TRUE(same_gradients(stack.layers[0], first));
  EXPECT_TRUE(same_gradients(stack.layers[1], second));
  EXPECT_TRUE(same_gradients(stack.norm, norm));
}

// Those of nn.TransformerEncoder(layer, 2, norm); the whole list of a
// Transformer is in pytorch_numbers.h.
TEST_F(Stacks, HaveTheNamesOfPyTorchInTheOrderOfTheLayers) {
  EncoderStack encoder(2, options());
  const std::vector<std::string> names = names_of(encoder);
  ASSERT_EQ(names.size(), 26U);
  EXPECT_EQ(names[0], "layers.0.self_attn.in_proj_weight");
  EXPECT_EQ(names[12], "layers.1.self_attn.in_proj_weight");
  EXPECT_EQ(names[24], "norm.weight");
  EXPECT_EQ(names[25], "norm.bias");
  DecoderStack decoder(1, options());
  EXPECT_EQ(names_of(decoder)[4], "layers.0.multihead_attn.in_proj_weight");
  EXPECT_EQ(names_of(decoder)[18], "norm.weight");
}

TEST_F(Stacks, NormaliseAsTheirLayersDo) {
  TransformerLayerOptions with = options();
  with.norm = nn::NormKind::rms;
  EXPECT_EQ(EncoderStack(1, with).norm.kind(), nn::NormKind::rms);
  EXPECT_EQ(DecoderStack(1, with).norm.kind(), nn::NormKind::rms);
  // eps: the layer gives zeros and its bias, and 1 / sqrt(1 + 3) is exact.
  with = {.features = 2, .hidden = 1, .eps = 3};
  EncoderStack stack(1, with);
  stack.layers[0].norm2.bias.value.mutable_data<float>()[0] = 2;
  const MaskPlan plan = compile(all().bind({1, 1, 1, 1}));
  EXPECT_TRUE(same_bits(stack.forward(Tensor(DType::f32, {1, 1, 2}), plan).y,
                        Tensor::from<float>({1, 1, 2}, {0.5F, -0.5F})));
}

TEST_F(Stacks, RefuseToBeEmptyAndResultsOfOtherStacks) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[encoder] 0 layers; expected at least 1",
                           [] { EncoderStack(0, options()); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[decoder] -1 layers; expected at least 1",
                           [] { DecoderStack(-1, options()); }));
  EncoderStack encoder(2, options());
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[encoder] expected a result of 2 layers, got one of 1; pass what "
      "forward() returned",
      [&] {
        encoder.backward(EncoderStack(1, options()).forward(x_, self_), self_,
                         d_y_);
      }));
  DecoderStack decoder(1, options());
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[decoder] expected a result of 1 layers, got one of 0", [&] {
        decoder.backward({}, memory_, {self_, cross_}, d_y_);
      }));
}

}  // namespace
}  // namespace maskwise::testing
