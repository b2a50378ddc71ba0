#include "maskwise/nn/transformer_layers.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::EncoderLayer;
using nn::TransformerLayerOptions;

// Every parameter = cos(0, 1, 2, ...) reshaped.
void fill_by_cosine(nn::Module& module) {
  module.visit_parameters("", [](const std::string&, nn::Parameter& one) {
    for (int64_t i = 0; i < one.value.size(); ++i) {
      one.value.mutable_data<float>()[i] =
          static_cast<float>(std::cos(static_cast<double>(i)));
    }
  });
}

TransformerLayerOptions small(Activation activation) {
  return {.features = 4, .heads = 2, .hidden = 16, .activation = activation};
}

void expect_near(const Tensor& found, const std::vector<double>& expected) {
  constexpr double kTolerance = 1e-5;
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found.data<float>()[i], expected[i], kTolerance) << i;
  }
}

// First rows of PyTorch's nn.TransformerEncoderLayer with these parameters.
TEST(EncoderLayer, GivesTheNumbersOfPyTorch) {
  const Tensor x = Tensor::from<float>({1, 1, 4}, {20, 30, 40, 50});
  const MaskPlan plan = compile(all().bind({1, 2, 1, 1}));
  EncoderLayer relu(small(Activation::relu));
  fill_by_cosine(relu);
  expect_near(relu.forward(x, plan).y,
              {2.258703, 0.127985, -0.697881, 0.170862});
  EncoderLayer gelu(small(Activation::gelu));
  fill_by_cosine(gelu);
  expect_near(gelu.forward(x, plan).y,
              {2.249815, 0.131006, -0.702199, 0.177868});
}

TEST(EncoderLayer, AMaskedKeyGivesTheNumbersOfPyTorchInBothRows) {
  const Tensor x = Tensor::from<float>({1, 2, 4}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor seen = Tensor::from<uint8_t>({1, 2}, {0, 1});
  EncoderLayer layer(small(Activation::relu));
  fill_by_cosine(layer);
  const MaskPlan plan = compile(allow_keys(seen).bind({1, 2, 2, 2}));
  expect_near(layer.forward(x, plan).y,
              {2.301516, 0.092249, -0.679101, 0.103088, 2.301516, 0.092249,
               -0.679101, 0.103088});
}

}  // namespace
}  // namespace maskwise::testing
