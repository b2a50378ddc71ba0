#include "maskwise/nn/feed_forward.h"

#include <gtest/gtest.h>

#include <cstdint>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::FeedForward;
using nn::FeedForwardResult;

constexpr Activation kActivations[] = {Activation::relu, Activation::gelu,
                                       Activation::swiglu};

TEST(FeedForward, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(7);
  for (const Activation activation : kActivations) {
    FeedForward layer(5, 7, activation);
    randomise(rng, layer);
    const Tensor x = normal(rng, {2, 3, 5});
    const Tensor d_y = normal(rng, {2, 3, 5});
    WideMap at = wide_parameters(layer);
    at["x"] = widened(x);
    const LayerFunction y_of = [=](const WideMap& w) {
      return feed_forward_oracle(w.at("x"), w, activation);
    };
    const FeedForwardResult result = layer.forward(x);
    expect_close(result.y, y_of(at), "y");
    TensorMap found = layer.gradients();
    found["x"] = layer.backward(x, result, d_y);
    expect_slopes(y_of, at, d_y, found);
  }
}

TEST(FeedForward, DropsOnlyOfSentencesOfRows) {
  const FeedForward layer(5, 7, Activation::relu, nn::Dropout(0.25, 6));
  const nn::TokenRows rows = {.dropout = 11};
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "expected x of shape [B, L, 5] where features are dropped, got [3, 5]",
      [&] {
        layer.forward(Tensor(DType::f32, {3, 5}), {}, rows);
      }));
  EXPECT_EQ(layer.forward(Tensor(DType::f32, {3, 5})).y.shape(), Shape({3, 5}));
}

TEST(FeedForward, WhatItDropsIsDroppedOfItsGradientsToo) {
  Rng rng(46);
  nn::TokenRows rows =
      nn::token_rows(Tensor::from<int64_t>({2, 3}, {1, 2, 3, 0, 1, 2}));
  rows.dropout = 11;
  for (const Activation activation : kActivations) {
    const nn::Dropout dropout(0.25, 6);
    FeedForward layer(5, 7, activation, dropout);
    randomise(rng, layer);
    const Tensor x = normal(rng, {2, 3, 5});
    const Tensor d_y = normal(rng, {2, 3, 5});
    WideMap at = wide_parameters(layer);
    at["x"] = widened(x);
    const LayerFunction y_of = [&](const WideMap& w) {
      return feed_forward_oracle(w.at("x"), w, activation, [&](const Wide& y) {
        return dropped_oracle(y, dropout, rows);
      });
    };
    const FeedForwardResult result = layer.forward(x, {}, rows);
    expect_close(result.y, y_of(at), "y");
    TensorMap found = layer.gradients();
    found["x"] = layer.backward(x, result, d_y, {}, rows);
    expect_slopes(y_of, at, d_y, found);
    // Without a seed it is the layer without dropout.
    FeedForward plain(5, 7, activation);
    plain.load_parameters(layer.parameters());
    EXPECT_TRUE(same_bits(layer.forward(x).y, plain.forward(x).y));
  }
}

// The slope of an activation at a NaN is a NaN, and 0 times it is one, too.
TEST(FeedForward, ARowWithoutGradientIsAbsentWhateverItHolds) {
  Rng rng(8);
  for (const Activation activation : kActivations) {
    FeedForward layer(3, 4, activation);
    randomise(rng, layer);
    const Tensor present = normal(rng, {1, 3});
    const Tensor d_present = normal(rng, {1, 3});
    const Tensor alone =
        layer.backward(present, layer.forward(present), d_present);
    TensorMap expected;
    for (const auto& [name, gradient] : layer.gradients()) {
      expected[name] = gradient.clone();
    }
    for (const float odd : {kNan, kInf, kMinusInf}) {
      layer.zero_gradients();
      Tensor x(DType::f32, {3, 3});
      Tensor d_y(DType::f32, {3, 3});
      std::fill_n(x.mutable_data<float>(), 9, odd);
      std::copy_n(present.data<float>(), 3, x.mutable_data<float>() + 3);
      std::copy_n(d_present.data<float>(), 3, d_y.mutable_data<float>() + 3);
      const Tensor d_x = layer.backward(x, layer.forward(x), d_y);
      Tensor d_expected(DType::f32, {3, 3});
      std::copy_n(alone.data<float>(), 3, d_expected.mutable_data<float>() + 3);
      EXPECT_TRUE(same_bits(d_x, d_expected));
      for (const auto& [name, gradient] : layer.gradients()) {
        EXPECT_TRUE(same_bits(gradient, expected.at(name))) << name;
      }
    }
  }
}

TEST(FeedForward, OnlySwigluHasAGate) {
  for (const Activation activation : kActivations) {
    FeedForward layer(2, 3, activation);
    const bool gated = activation == Activation::swiglu;
    EXPECT_EQ(layer.parameters().size(), gated ? 6U : 4U);
    EXPECT_EQ(layer.parameters().contains("linear_gate.weight"), gated);
    EXPECT_EQ(layer.forward(Tensor(DType::f32, {1, 2})).gate.defined(), gated);
  }
}

TEST(FeedForward, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "[feed_forward] 0 hidden features; expected at least 1",
                   [] { FeedForward(2, 0, Activation::relu); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[feed_forward] 0 features; expected at least 1",
                           [] { FeedForward(0, 2, Activation::relu); }));
  FeedForward layer(2, 3, Activation::relu);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected x of shape [..., 2], got [1, 3]", [&] {
                             layer.forward(Tensor(DType::f32, {1, 3}));
                           }));
  const Tensor x(DType::f32, {4, 2});
  const FeedForwardResult result = layer.forward(x);
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "expected d_y of shape [4, 2], got [3, 2]", [&] {
                     layer.backward(x, result, Tensor(DType::f32, {3, 2}));
                   }));
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "expected d_y of shape [5, 2], got [4, 2]", [&] {
                     layer.backward(Tensor(DType::f32, {5, 2}), result, x);
                   }));
}

// What is read again must be there and of the size that is read.
TEST(FeedForward, RefusesAResultOfAnotherCall) {
  Rng rng(18);
  const Tensor x = normal(rng, {4, 2});
  for (const Activation activation : kActivations) {
    FeedForward layer(2, 3, activation);
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "got nothing",
                             [&] { layer.backward(x, {}, x); }));
    FeedForwardResult mixed = layer.forward(x);
    mixed.hidden = Tensor(DType::f32, {1, 3});
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                             "expected result.hidden of shape [4, 3], got "
                             "[1, 3]",
                             [&] { layer.backward(x, mixed, x); }));
    mixed = layer.forward(x);
    mixed.activated = {};
    EXPECT_TRUE(
        throws_error(ErrorCode::shape_mismatch,
                     "expected result.activated of shape [4, 3], got nothing",
                     [&] { layer.backward(x, mixed, x); }));
    for (const auto& [name, gradient] : layer.gradients()) {
      EXPECT_TRUE(same_bits(gradient, Tensor(DType::f32, gradient.shape())));
    }
  }
  FeedForward gated(2, 3, Activation::swiglu);
  FeedForwardResult ungated = gated.forward(x);
  ungated.gate = {};
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected result.gate of shape [4, 3], got nothing",
                           [&] { gated.backward(x, ungated, x); }));
}

}  // namespace
}  // namespace maskwise::testing
