#include "maskwise/nn/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Linear;

TEST(Linear, MultipliesByTheTransposeAndAddsTheBias) {
  Linear layer(2, 3);
  layer.load_parameters(
      {{"weight", Tensor::from<float>({3, 2}, {1, 2, 3, 4, 5, 6})},
       {"bias", Tensor::from<float>({3}, {100, 200, 300})}});
  const Tensor y = layer.forward(Tensor::from<float>({1, 2, 2}, {1, 0, 1, 1}));
  EXPECT_TRUE(same_bits(
      y, Tensor::from<float>({1, 2, 3}, {101, 203, 305, 103, 207, 311})));
}

TEST(Linear, GradientsAreTheSlopes) {
  Rng rng(1);
  Linear layer(5, 3);
  randomise(rng, layer);
  const Tensor x = normal(rng, {2, 4, 5});
  const Tensor d_y = normal(rng, {2, 4, 3});
  WideMap at = wide_parameters(layer);
  at["x"] = widened(x);
  const LayerFunction y_of = [](const WideMap& w) {
    return linear_oracle(w.at("x"), w.at("weight"), w.at("bias"));
  };
  expect_close(layer.forward(x), y_of(at), "y");
  TensorMap found = layer.gradients();
  found["x"] = layer.backward(x, d_y);
  expect_slopes(y_of, at, d_y, found);
}

TEST(Linear, BackwardAddsToWhatIsThere) {
  Rng rng(2);
  Linear layer(3, 2);
  randomise(rng, layer);
  const Tensor x = normal(rng, {4, 3});
  const Tensor d_y = normal(rng, {4, 2});
  layer.backward(x, d_y);
  const Tensor once = layer.weight.gradient.clone();
  const Tensor bias_once = layer.bias.gradient.clone();
  layer.backward(x, d_y);
  for (int64_t i = 0; i < once.size(); ++i) {
    EXPECT_EQ(layer.weight.gradient.data<float>()[i],
              2 * once.data<float>()[i]);
  }
  EXPECT_EQ(layer.bias.gradient.data<float>()[1],
            2 * bias_once.data<float>()[1]);
}

TEST(Linear, ARowWithoutGradientIsAbsent) {
  Linear layer(1, 1);
  layer.weight.value.mutable_data<float>()[0] = 3;
  const Tensor x = Tensor::from<float>({3, 1}, {kNan, 2, kInf});
  const Tensor d_x =
      layer.backward(x, Tensor::from<float>({3, 1}, {0, 5, -0.0F}));
  EXPECT_TRUE(same_bits(d_x, Tensor::from<float>({3, 1}, {0, 15, 0})));
  EXPECT_EQ(layer.weight.gradient.data<float>()[0], 10);
  EXPECT_EQ(layer.bias.gradient.data<float>()[0], 5);
}

// Infinity times 0 is a NaN.
TEST(Linear, ARowWithoutGradientGetsNoneFromOddWeightsEither) {
  Linear layer(1, 1);
  layer.weight.value.mutable_data<float>()[0] = kInf;
  const Tensor x = Tensor::from<float>({2, 1}, {1, 2});
  const Tensor d_x = layer.backward(x, Tensor::from<float>({2, 1}, {0, 5}));
  EXPECT_TRUE(same_bits(d_x, Tensor::from<float>({2, 1}, {0, kInf})));
}

TEST(Linear, TakesNoRowsAndStrides) {
  Linear layer(2, 2);
  layer.load_parameters({{"weight", Tensor::from<float>({2, 2}, {1, 2, 3, 4})},
                         {"bias", Tensor::from<float>({2}, {5, 6})}});
  EXPECT_EQ(layer.forward(Tensor(DType::f32, {3, 0, 2})).shape(),
            (Shape{3, 0, 2}));
  const Tensor stored = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  const TensorView turned = stored.view().permuted({1, 0});
  EXPECT_TRUE(
      same_bits(layer.forward(turned), layer.forward(Tensor::copy_of(turned))));
}

TEST(Linear, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "0 features; expected at least 1",
                           [] { Linear(0, 3); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "-2 features; expected at least 1",
                           [] { Linear(3, -2); }));
  EXPECT_TRUE(thrown_by([] { Linear(int64_t{1} << 40, int64_t{1} << 40); }));
  Linear layer(2, 3);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected x of shape [..., 2], got [4, 3]", [&] {
                             layer.forward(Tensor(DType::f32, {4, 3}));
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected x of shape [..., 2], got nothing",
                           [&] { layer.forward({}); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "expected x of type f32, got f16", [&] {
                             layer.forward(Tensor(DType::f16, {4, 2}));
                           }));
  const Tensor x(DType::f32, {4, 2});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_y of shape [4, 3], got [2, 2, 3]", [&] {
                             layer.backward(x, Tensor(DType::f32, {2, 2, 3}));
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_y of shape [..., 3], got [4, 2]",
                           [&] { layer.backward(x, x); }));
}

TEST(Linear, RefusesThreadsBelowOne) {
  Linear layer(2, 3);
  const Tensor x(DType::f32, {4, 2});
  const Tensor d_y(DType::f32, {4, 3});
  const nn::Compute none = {.threads = 0};
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[compute] 0 threads; expected 1 to",
                           [&] { layer.forward(x, none); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[compute] 0 threads; expected 1 to",
                           [&] { layer.backward(x, d_y, none); }));
}

}  // namespace
}  // namespace maskwise::testing
