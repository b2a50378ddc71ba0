#include "maskwise/nn/norm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Norm;
using nn::NormKind;

// 1, 16 and 37 features: fewer than a set of chains, one, and a remainder.
constexpr int64_t kFeatures[] = {1, 3, 16, 37};

TEST(Norm, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(3);
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    for (const int64_t features : kFeatures) {
      Norm layer(features, kind, 0.25F);
      randomise(rng, layer);
      Tensor x = normal(rng, {2, 3, features});
      const Tensor d_y = normal(rng, x.shape());
      // A row of one value: its variance is 0.
      std::fill_n(x.mutable_data<float>(), features, 2.0F);
      WideMap at = wide_parameters(layer);
      at["x"] = widened(x);
      const LayerFunction y_of = [](const WideMap& w) {
        return norm_oracle(w.at("x"), w, "", 0.25);
      };
      expect_close(layer.forward(x), y_of(at), "y");
      TensorMap found = layer.gradients();
      found["x"] = layer.backward(x, d_y);
      expect_slopes(y_of, at, d_y, found);
    }
  }
}

TEST(Norm, StartsAsTheIdentityOfNormalRows) {
  const Norm layer(2, NormKind::layer, 0);
  EXPECT_TRUE(same_bits(layer.forward(Tensor::from<float>({2}, {5, 7})),
                        Tensor::from<float>({2}, {-1, 1})));
  const Norm rms(2, NormKind::rms, 0);
  EXPECT_TRUE(same_bits(rms.forward(Tensor::from<float>({2}, {3, -3})),
                        Tensor::from<float>({2}, {1, -1})));
}

TEST(Norm, ARowWithoutGradientIsAbsent) {
  Rng rng(4);
  for (const NormKind kind : {NormKind::layer, NormKind::rms}) {
    Norm layer(5, kind);
    const Tensor x = normal(rng, {2, 5});
    const Tensor d_y = normal(rng, {2, 5});
    const Tensor d_x = layer.backward(x, d_y);
    Tensor more_x(DType::f32, {3, 5});
    Tensor more_d(DType::f32, {3, 5});
    std::fill_n(more_x.mutable_data<float>(), 15, kNan);
    for (const int64_t row : {0, 1}) {
      const int64_t to = row == 0 ? 0 : 2;
      std::copy_n(x.data<float>() + row * 5, 5,
                  more_x.mutable_data<float>() + to * 5);
      std::copy_n(d_y.data<float>() + row * 5, 5,
                  more_d.mutable_data<float>() + to * 5);
    }
    Norm other(5, kind);
    const Tensor more = other.backward(more_x, more_d);
    EXPECT_TRUE(same_bits(layer.weight.gradient, other.weight.gradient));
    EXPECT_TRUE(same_bits(layer.bias.gradient, other.bias.gradient));
    for (int64_t i = 0; i < 5; ++i) {
      EXPECT_EQ(more.data<float>()[i], d_x.data<float>()[i]);
      EXPECT_EQ(more.data<float>()[5 + i], 0);
      EXPECT_EQ(more.data<float>()[10 + i], d_x.data<float>()[5 + i]);
    }
  }
}

TEST(Norm, BackwardAddsToWhatIsThere) {
  Norm layer(2, NormKind::layer, 0);
  const Tensor x = Tensor::from<float>({1, 2}, {5, 7});
  const Tensor d_y = Tensor::from<float>({1, 2}, {3, 4});
  layer.backward(x, d_y);
  layer.backward(x, d_y);
  EXPECT_TRUE(
      same_bits(layer.weight.gradient, Tensor::from<float>({2}, {-6, 8})));
  EXPECT_TRUE(same_bits(layer.bias.gradient, Tensor::from<float>({2}, {6, 8})));
}

TEST(Norm, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "0 features; expected at least 1", [] { Norm(0); }));
  for (const float eps : {-1.0F, kInf, kNan}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "expected a finite number from 0 on",
                             [=] { Norm(3, NormKind::layer, eps); }));
  }
  Norm layer(3);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected x of shape [..., 3], got [3, 2]", [&] {
                             layer.forward(Tensor(DType::f32, {3, 2}));
                           }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "of type f32, got f64", [&] {
        layer.forward(Tensor(DType::f64, {2, 3}));
      }));
  const Tensor x(DType::f32, {2, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_y of shape [2, 3], got [1, 3]", [&] {
                             layer.backward(x, Tensor(DType::f32, {1, 3}));
                           }));
}

}  // namespace
}  // namespace maskwise::testing
