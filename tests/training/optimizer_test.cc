#include "maskwise/nn/optimizer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "maskwise/nn/linear.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/training/two_parameters.h"

namespace maskwise::testing {
namespace {

using nn::Adam;
using nn::AdamKind;
using nn::AdamOptions;
using nn::clip_gradients;
using nn::Linear;

constexpr AdamOptions kDecayed = {.kind = AdamKind::adamw, .weight_decay = 0.1};

void fill_gradients(Rng& rng, nn::Module& module) {
  module.visit_parameters("", [&](const std::string&, nn::Parameter& one) {
    one.gradient = normal(rng, one.value.shape());
  });
}

// The formulas of the header in double, for one number.
struct AdamOracle {
  AdamOptions options;
  double x = 0;
  double m = 0;
  double v = 0;

  void step(int64_t t, double g, double rate) {
    const auto& [kind, beta1, beta2, eps, decay] = options;
    if (kind == AdamKind::adam) g += decay * x;
    if (kind == AdamKind::adamw) x -= rate * decay * x;
    m = beta1 * m + (1 - beta1) * g;
    v = beta2 * v + (1 - beta2) * g * g;
    const double m_hat = m / (1 - std::pow(beta1, t));
    const double v_hat = v / (1 - std::pow(beta2, t));
    x -= rate * m_hat / (std::sqrt(v_hat) + eps);
  }
};

// 1000 updates of f32 against double: each rounds x, near 1, by 6e-8 at most,
// and a random walk of them is 2e-6.
TEST(Adam, StaysNearItsFormulasInDouble) {
  for (const AdamKind kind : {AdamKind::adam, AdamKind::adamw}) {
    const AdamOptions options = {.kind = kind, .weight_decay = 0.01};
    Linear layer(1, 1);
    layer.weight.value.mutable_data<float>()[0] = 1;
    AdamOracle oracle = {.options = options, .x = 1};
    Adam adam(layer, options);
    Rng rng(3);
    for (int64_t t = 1; t <= 1000; ++t) {
      fill_gradients(rng, layer);
      oracle.step(t, layer.weight.gradient.data<float>()[0], 1e-3);
      adam.step(layer, 1e-3);
    }
    EXPECT_NEAR(layer.weight.value.data<float>()[0], oracle.x, 2e-6);
    EXPECT_EQ(adam.updates(), 1000);
  }
}

TEST(Adam, AStateThatIsLoadedGoesOnBitForBit) {
  Rng rng(4);
  Linear layer(7, 5);
  randomise(rng, layer);
  Adam adam(layer, kDecayed);
  for (int i = 0; i < 3; ++i) {
    fill_gradients(rng, layer);
    adam.step(layer, 0.01);
  }
  Linear other = layer;
  Adam loaded(other, kDecayed);
  loaded.load_state(adam.state());
  EXPECT_EQ(loaded.updates(), 3);
  adam.step(layer, 0.01);
  loaded.step(other, 0.01);
  EXPECT_TRUE(same_bits(layer.weight.value, other.weight.value));
  EXPECT_TRUE(same_bits(layer.bias.value, other.bias.value));
  EXPECT_EQ(adam.state().at("adam.updates").data<int64_t>()[0], 4);
}

TEST(Adam, AParameterWithTwoNamesIsUpdatedOnce) {
  TwoParameters tied({3}, {3});
  tied.second_is_first = true;
  TwoParameters plain({3}, {3});
  for (TwoParameters* module : {&tied, &plain}) {
    std::fill_n(module->first.gradient.mutable_data<float>(), 3, 2.0F);
    Adam adam(*module);
    adam.step(*module, 0.1);
    EXPECT_EQ(adam.state().size(), module == &tied ? 3U : 5U);
  }
  EXPECT_TRUE(same_bits(tied.first.value, plain.first.value));
  EXPECT_DOUBLE_EQ(clip_gradients(tied, kInf), std::sqrt(12.0));
}

TEST(Adam, ARateOfZeroChangesNoValue) {
  Rng rng(5);
  Linear layer(4, 4);
  randomise(rng, layer);
  fill_gradients(rng, layer);
  const Tensor before = layer.weight.value.clone();
  Adam(layer, kDecayed).step(layer, 0);
  EXPECT_TRUE(same_bits(layer.weight.value, before));
}

TEST(Adam, RefusesOptionsRatesAndModulesThatDoNotFit) {
  Linear layer(2, 2);
  const auto refuses = [&](const std::string& fragment, AdamOptions options) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { Adam(layer, options); }));
  };
  refuses("beta1 is 1; expected a finite number from 0 on, below 1",
          {.beta1 = 1});
  refuses("beta2 is -0.5", {.beta2 = -0.5});
  refuses("eps is nan; expected a finite number from 0 on", {.eps = kNan});
  refuses("weight_decay is inf", {.weight_decay = kInf});
  Adam adam(layer);
  for (const double rate : {-1.0, double{kNan}, double{kInf}}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[adam] the learning rate is",
                             [&] { adam.step(layer, rate); }));
  }
  Linear other(2, 3);
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "other parameters than the 2",
                           [&] { adam.step(other, 0.1); }));
  EXPECT_EQ(adam.updates(), 0);
  TwoParameters same({1}, {1});
  same.second_name = "first";
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "have the name first",
                           [&] { Adam refused(same); }));
}

TEST(Adam, AStateThatDoesNotFitIsRefusedWhole) {
  Rng rng(6);
  Linear layer(2, 2);
  Adam adam(layer);
  fill_gradients(rng, layer);
  adam.step(layer, 0.1);
  Adam other(layer);
  other.step(layer, 0.1);
  other.step(layer, 0.1);
  const Tensor before = adam.state().at("adam.m.weight").clone();
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const std::function<void(TensorMap&)>& spoil) {
    TensorMap state = other.state();
    spoil(state);
    EXPECT_TRUE(throws_error(code, fragment, [&] { adam.load_state(state); }));
    EXPECT_EQ(adam.updates(), 1) << fragment;
    EXPECT_TRUE(same_bits(adam.state().at("adam.m.weight"), before));
  };
  refuses(ErrorCode::invalid_argument,
          "adam.v.bias is missing from the state; expected it of shape [2]",
          [](TensorMap& state) { state.erase("adam.v.bias"); });
  refuses(
      ErrorCode::shape_mismatch, "expected adam.v.bias of shape [2], got [3]",
      [](TensorMap& state) { state["adam.v.bias"] = Tensor(DType::f32, {3}); });
  refuses(ErrorCode::shape_mismatch,
          "expected adam.m.bias of shape [2], got nothing",
          [](TensorMap& state) { state["adam.m.bias"] = Tensor(); });
  refuses(
      ErrorCode::invalid_argument, "expected adam.v.bias of type f32, got f64",
      [](TensorMap& state) { state["adam.v.bias"] = Tensor(DType::f64, {2}); });
  refuses(
      ErrorCode::invalid_argument, "adam.m.more is no state of the 2",
      [](TensorMap& state) { state["adam.m.more"] = Tensor(DType::f32, {2}); });
  refuses(ErrorCode::invalid_argument, "adam.updates is missing",
          [](TensorMap& state) { state.erase("adam.updates"); });
  refuses(ErrorCode::invalid_argument, "adam.updates is -1; expected a number",
          [](TensorMap& state) {
            state["adam.updates"] = Tensor::from<int64_t>({}, {-1});
          });
}

TEST(ClipGradients, SmallOnesStayAndLargeOnesShrinkToTheNorm) {
  Rng rng(7);
  Linear layer(33, 5);
  fill_gradients(rng, layer);
  const Tensor before = layer.weight.gradient.clone();
  double squares = 0;
  for (const auto& [name, gradient] : layer.gradients()) {
    for (const double each : widened(gradient)) squares += each * each;
  }
  const double norm = clip_gradients(layer, kInf);
  // Two orders of some 170 additions in double.
  EXPECT_NEAR(norm, std::sqrt(squares), 1e-12);
  EXPECT_EQ(clip_gradients(layer, norm + 1), norm);
  EXPECT_TRUE(same_bits(layer.weight.gradient, before));
  EXPECT_EQ(clip_gradients(layer, 0.25), norm);
  // 1e-6 / norm less, and a rounding of each.
  EXPECT_NEAR(clip_gradients(layer, kInf), 0.25, 1e-6);
}

TEST(ClipGradients, WhatIsNotFiniteIsSeenAndNothingChanges) {
  for (const float bad : {kNan, kInf, kMinusInf}) {
    Rng rng(8);
    Linear layer(40, 1);
    fill_gradients(rng, layer);
    layer.weight.gradient.mutable_data<float>()[39] = bad;
    const Tensor before = layer.weight.gradient.clone();
    const double norm = clip_gradients(layer, 1e-3);
    EXPECT_EQ(std::isnan(norm), std::isnan(bad));
    EXPECT_FALSE(std::isfinite(norm));
    EXPECT_TRUE(same_bits(layer.weight.gradient, before));
  }
}

TEST(ClipGradients, RefusesANormThatIsNotAboveZero) {
  Linear layer(1, 1);
  for (const double most : {0.0, -1.0, double{kNan}}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[clip_gradients] the largest norm is",
                             [&] { clip_gradients(layer, most); }));
  }
}

}  // namespace
}  // namespace maskwise::testing
