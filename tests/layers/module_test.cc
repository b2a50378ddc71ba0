#include "maskwise/nn/module.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/nn/transformer_layers.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::DecoderLayer;
using nn::EncoderLayer;
using nn::Linear;
using nn::TransformerLayerOptions;

std::vector<std::string> names_of(nn::Module& module) {
  std::vector<std::string> names;
  module.visit_parameters("", [&](const std::string& name, nn::Parameter&) {
    names.push_back(name);
  });
  return names;
}

TensorMap cloned(const TensorMap& values) {
  TensorMap copy;
  for (const auto& [name, value] : values) copy[name] = value.clone();
  return copy;
}

::testing::AssertionResult same_values(const TensorMap& a, const TensorMap& b) {
  if (a.size() != b.size()) return ::testing::AssertionFailure() << "names";
  for (const auto& [name, value] : a) {
    const auto same = same_bits(value, b.at(name));
    if (!same) return ::testing::AssertionFailure() << name << same.message();
  }
  return ::testing::AssertionSuccess();
}

constexpr TransformerLayerOptions kOptions = {
    .features = 4, .heads = 2, .hidden = 3};

TEST(Module, NamesAreThoseOfPyTorch) {
  EncoderLayer encoder(kOptions);
  EXPECT_EQ(
      names_of(encoder),
      (std::vector<std::string>{
          "self_attn.in_proj_weight", "self_attn.in_proj_bias",
          "self_attn.out_proj.weight", "self_attn.out_proj.bias",
          "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias",
          "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}));
  DecoderLayer decoder(kOptions);
  EXPECT_EQ(names_of(decoder).size(), 18U);
  EXPECT_EQ(names_of(decoder)[4], "multihead_attn.in_proj_weight");
  EXPECT_EQ(names_of(decoder)[17], "norm3.bias");
}

TEST(Module, ValuesOfAnyFloatTypeAreLoaded) {
  Linear layer(2, 1);
  const Tensor weight = Tensor::from<float>({1, 2}, {1.5F, -2});
  layer.load_parameters({{"weight", from_f32(weight, DType::bf16)},
                         {"bias", Tensor::from<double>({1}, {0.25})}});
  EXPECT_TRUE(same_bits(layer.weight.value, weight));
  EXPECT_EQ(layer.bias.value.data<float>()[0], 0.25F);
}

TEST(Module, ParametersShareTheirMemoryAndLoadingKeepsIt) {
  Linear layer(1, 1);
  const TensorMap before = layer.parameters();
  layer.load_parameters({{"weight", Tensor::from<float>({1, 1}, {7})},
                         {"bias", Tensor::from<float>({1}, {8})}});
  EXPECT_EQ(before.at("weight").data<float>()[0], 7);
  EXPECT_EQ(before.at("bias").data<float>()[0], 8);
}

TEST(Module, ACopyHasParametersOfItsOwn) {
  Linear layer(2, 3);
  Linear copy = layer;
  copy.weight.value.mutable_data<float>()[0] = 1;
  copy.bias.gradient.mutable_data<float>()[0] = 1;
  EXPECT_EQ(layer.weight.value.data<float>()[0], 0);
  EXPECT_EQ(layer.bias.gradient.data<float>()[0], 0);
  layer = copy;
  copy.weight.value.mutable_data<float>()[0] = 2;
  EXPECT_EQ(layer.weight.value.data<float>()[0], 1);
}

TEST(Module, GradientsAreZeroedAndValuesStay) {
  Rng rng(5);
  EncoderLayer layer(kOptions);
  randomise(rng, layer);
  const TensorMap values = cloned(layer.parameters());
  for (auto& [name, gradient] : layer.gradients()) {
    Tensor shared = gradient;
    std::fill_n(shared.mutable_data<float>(), shared.size(), kNan);
  }
  layer.zero_gradients();
  for (const auto& [name, gradient] : layer.gradients()) {
    EXPECT_TRUE(same_bits(gradient, Tensor(DType::f32, gradient.shape())));
  }
  EXPECT_TRUE(same_values(layer.parameters(), values));
}

// Each mistake is named, and nothing is loaded, whatever comes before it.
TEST(Module, BadValuesAreNamedAndNothingIsHalfLoaded) {
  Rng rng(6);
  EncoderLayer layer(kOptions);
  const TensorMap before = cloned(layer.parameters());
  EncoderLayer other(kOptions);
  randomise(rng, other);
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const TensorMap& values) {
    EXPECT_TRUE(
        throws_error(code, fragment, [&] { layer.load_parameters(values); }));
    EXPECT_TRUE(same_values(layer.parameters(), before)) << fragment;
  };
  TensorMap missing = other.parameters();
  missing.erase("norm2.bias");
  refuses(ErrorCode::invalid_argument,
          "norm2.bias is missing; expected it of shape [4]", missing);
  TensorMap extra = other.parameters();
  extra["norm3.bias"] = Tensor(DType::f32, {4});
  refuses(ErrorCode::invalid_argument,
          "norm3.bias is no parameter of this module", extra);
  TensorMap misshapen = other.parameters();
  misshapen["norm2.bias"] = Tensor(DType::f32, {5});
  refuses(ErrorCode::shape_mismatch,
          "expected norm2.bias of shape [4], got [5]", misshapen);
  TensorMap nothing = other.parameters();
  nothing["norm2.bias"] = Tensor();
  refuses(ErrorCode::shape_mismatch, "expected norm2.bias of shape [4], got",
          nothing);
  TensorMap whole = other.parameters();
  whole["norm2.bias"] = Tensor(DType::i64, {4});
  refuses(ErrorCode::invalid_argument,
          "expected norm2.bias of a float type, got i64", whole);
}

}  // namespace
}  // namespace maskwise::testing
