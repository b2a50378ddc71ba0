// The layers give PyTorch's numbers (pytorch_numbers.h).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/nn/transformer.h"
#include "tests/layers/pytorch_numbers.h"

namespace maskwise::testing {
namespace {

// Every parameter = cos(0, 1, 2, ...) reshaped.
void fill_by_cosine(nn::Module& module) {
  module.visit_parameters("", [](const std::string&, nn::Parameter& one) {
    for (int64_t i = 0; i < one.value.size(); ++i) {
      one.value.mutable_data<float>()[i] =
          static_cast<float>(std::cos(static_cast<double>(i)));
    }
  });
}

Tensor sines(double first, const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        static_cast<float>(std::sin(first + static_cast<double>(i)));
  }
  return tensor;
}

Tensor encoded(const nn::TransformerLayerOptions& options, const MaskPlan& self,
               int64_t layers) {
  nn::EncoderLayer layer(options);
  fill_by_cosine(layer);
  Tensor y = sines(1, {2, 3, 4});
  for (int64_t i = 0; i < layers; ++i) y = layer.forward(y, self).y;
  return y;
}

Tensor decoded(const nn::TransformerLayerOptions& options, const MaskPlan& self,
               int64_t layers) {
  nn::DecoderLayer layer(options);
  fill_by_cosine(layer);
  const Tensor seen = Tensor::from<uint8_t>({2, 4}, {1, 0, 1, 1, 1, 1, 0, 0});
  const MaskPlan cross = compile(allow_keys(seen).bind({2, 2, 3, 4}));
  const Tensor memory = sines(0.5, {2, 4, 4});
  Tensor y = sines(1, {2, 3, 4});
  for (int64_t i = 0; i < layers; ++i) {
    y = layer.forward(y, memory, {self, cross}).y;
  }
  return y;
}

constexpr double kTolerance = 1e-5;

// The figures of the 1-sentence cases, too, are those of PyTorch.
void expect_encoded(nn::Activation activation, const Tensor& x,
                    const Mask& mask, const std::vector<double>& expected) {
  nn::EncoderLayer layer(
      {.features = 4, .heads = 2, .hidden = 16, .activation = activation});
  fill_by_cosine(layer);
  const MaskPlan plan = compile(mask.bind({1, 2, x.dim(1), x.dim(1)}));
  const Tensor y = layer.forward(x, plan).y;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(y.data<float>()[i], expected[i], kTolerance) << i;
  }
}

TEST(EncoderLayer, GivesTheNumbersOfPyTorch) {
  const Tensor x = Tensor::from<float>({1, 1, 4}, {20, 30, 40, 50});
  expect_encoded(nn::Activation::relu, x, all(),
                 {2.258703, 0.127985, -0.697881, 0.170862});
  expect_encoded(nn::Activation::gelu, x, all(),
                 {2.249815, 0.131006, -0.702199, 0.177868});
}

TEST(EncoderLayer, AMaskedKeyGivesTheNumbersOfPyTorchInBothRows) {
  const Tensor x = Tensor::from<float>({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor seen = Tensor::from<uint8_t>({1, 2}, {0, 1});
  expect_encoded(nn::Activation::relu, x, allow_keys(seen),
                 {2.301516, 0.092249, -0.679101, 0.103088, 2.301516, 0.092249,
                  -0.679101, 0.103088});
}

// 1e-5 of each number, or of 1: the parameters magnify a rounding of 6e-8 by
// some tens in each layer.
TEST(TransformerLayers, GiveTheNumbersOfPyTorch) {
  for (const PytorchCase& each : kPytorchCases) {
    const nn::TransformerLayerOptions options = {.features = 4,
                                                 .heads = 2,
                                                 .hidden = 16,
                                                 .activation = each.activation,
                                                 .norm_order = each.order};
    const Tensor seen = Tensor::from<uint8_t>({2, 3}, {1, 1, 1, 1, 1, 0});
    const Mask keys = allow_keys(seen);
    const Mask mask = each.mask == SelfMask::padding ? keys : causal() & keys;
    const MaskPlan self = compile(mask.bind({2, 2, 3, 3}));
    const Tensor y = each.side == Side::encoder
                         ? encoded(options, self, each.layers)
                         : decoded(options, self, each.layers);
    ASSERT_EQ(y.size(), std::ssize(each.y));
    for (size_t i = 0; i < each.y.size(); ++i) {
      EXPECT_NEAR(y.data<float>()[i], each.y[i],
                  kTolerance * std::fmax(1, std::fabs(each.y[i])))
          << "case " << &each - kPytorchCases.data() << ", number " << i;
    }
  }
}

nn::Transformer transformer_of(nn::NormOrder order, int64_t layers) {
  return nn::Transformer(
      {.source_tokens = 7,
       .target_tokens = 6,
       .encoder_layers = layers,
       .decoder_layers = layers,
       .layer = {
           .features = 4, .heads = 2, .hidden = 16, .norm_order = order}});
}

// Embeddings and masks of token ids are our part: PyTorch's are written in
// make_pytorch_numbers.py. The rows of padding are nobody's.
TEST(Transformer, GivesTheNumbersOfPyTorch) {
  for (const PytorchTransformer& each : kPytorchTransformers) {
    nn::Transformer model = transformer_of(each.order, each.layers);
    fill_by_cosine(model);
    const auto source = Tensor::from<int64_t>({2, 4}, each.source);
    const auto target = Tensor::from<int64_t>({2, 3}, each.target);
    const Tensor logits =
        model.forward({{source}, {target}}, nn::padding_masks(source, target))
            .logits;
    ASSERT_EQ(logits.size(), std::ssize(each.logits));
    int64_t compared = 0;
    for (size_t i = 0; i < each.logits.size(); ++i) {
      if (each.target[i / 6] == 0) continue;
      EXPECT_NEAR(logits.data<float>()[i], each.logits[i],
                  kTolerance * std::fmax(1, std::fabs(each.logits[i])))
          << "case " << &each - kPytorchTransformers.data() << ", number " << i;
      ++compared;
    }
    EXPECT_EQ(compared, 30);
  }
}

TEST(Transformer, HasTheNamesOfPyTorchAndThoseOfItsEmbeddingsAndOutput) {
  nn::Transformer model = transformer_of(nn::NormOrder::post, 2);
  std::set<std::string> names(kPytorchNames.begin(), kPytorchNames.end());
  names.insert({"source_embedding.weight", "target_embedding.weight",
                "output.weight", "output.bias"});
  std::set<std::string> found;
  for (const auto& [name, value] : model.parameters()) found.insert(name);
  EXPECT_EQ(found, names);
}

}  // namespace
}  // namespace maskwise::testing
