#include "layers/heads.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Linear;
using nn::MultiHeadAttention;
using nn::detail::Into;
using nn::detail::part_of;
using nn::detail::project_back;
using nn::detail::Rows;
using nn::detail::turn_back;

constexpr int64_t kFeatures = 8;  // 4 heads of 2, 2 kv heads

// Rows [first, first + count) of in_proj as a layer of its own.
Linear projection(const MultiHeadAttention& layer, int64_t first,
                  int64_t count) {
  Linear linear(kFeatures, count);
  const auto* weight = layer.in_proj_weight.value.data<float>();
  std::copy_n(weight + first * kFeatures, count * kFeatures,
              linear.weight.value.mutable_data<float>());
  std::copy_n(layer.in_proj_bias.value.data<float>() + first, count,
              linear.bias.value.mutable_data<float>());
  return linear;
}

class Heads : public ::testing::Test {
 protected:
  Heads() {
    randomise(rng_, layer_);
    randomise(rng_, turning_);
  }

  Tensor keys_of(const MultiHeadAttention& layer,
                 const std::vector<int64_t>& positions) const {
    Tensor kv(DType::f32, {1, 3, 2, 2, 2});
    const Rows rows("heads", "x", x_, kFeatures);
    project_keys(layer, rows.span(), positions, kv.mutable_data<float>(), {});
    return kv;
  }

  Rng rng_ = Rng(43);
  const Tensor x_ = normal(rng_, {1, 3, kFeatures});
  MultiHeadAttention layer_ = MultiHeadAttention({kFeatures, 4, 2});
  MultiHeadAttention turning_ = MultiHeadAttention({kFeatures, 4, 2, 100});
};

Tensor reshaped(const Tensor& values, const Shape& shape) {
  return Tensor::copy_of(TensorView(values.data<float>(), DType::f32, shape));
}

TEST_F(Heads, QueriesAreTheFirstRowsOfTheProjection) {
  Tensor q(DType::f32, {1, 3, 4, 2});
  const Rows rows("heads", "x", x_, kFeatures);
  project_queries(layer_, rows.span(), {}, q.mutable_data<float>(), {});
  EXPECT_TRUE(same_bits(
      q, reshaped(projection(layer_, 0, kFeatures).forward(x_), q.shape())));
}

TEST_F(Heads, KeysAndValuesLieSideBySideAndAreReadApart) {
  const Tensor kv = keys_of(layer_, {});
  const Tensor k = projection(layer_, 8, 4).forward(x_);
  const Tensor v = projection(layer_, 12, 4).forward(x_);
  const Shape shape = {1, 3, 2, 2};
  EXPECT_TRUE(same_bits(Tensor::copy_of(part_of(kv, 0)), reshaped(k, shape)));
  EXPECT_TRUE(same_bits(Tensor::copy_of(part_of(kv, 1)), reshaped(v, shape)));
}

// Bits, for the turn is the same; its numbers are those of positions_test.cc.
TEST_F(Heads, RotaryPositionsTurnQueriesAndKeysAndLeaveValues) {
  const std::vector<int64_t> positions = {4, 0, 9};
  const auto turned = [&](Tensor rows) {
    const int64_t width = rows.dim(2);
    nn::detail::rotate({rows.mutable_data<float>(), 3, width, width}, 2, 100,
                       positions, nn::detail::Turn::forward);
    return rows;
  };
  Tensor q(DType::f32, {1, 3, 8});
  const Rows rows("heads", "x", x_, kFeatures);
  project_queries(turning_, rows.span(), positions, q.mutable_data<float>(),
                  {});
  const Tensor straight = projection(turning_, 0, 8).forward(x_);
  EXPECT_TRUE(same_bits(q, turned(straight.clone())));
  EXPECT_FALSE(same_bits(q, straight));
  const Tensor kv = keys_of(turning_, positions);
  EXPECT_TRUE(same_bits(
      Tensor::copy_of(part_of(kv, 0)),
      reshaped(turned(projection(turning_, 8, 4).forward(x_)), {1, 3, 2, 2})));
  EXPECT_TRUE(same_bits(
      Tensor::copy_of(part_of(kv, 1)),
      reshaped(projection(turning_, 12, 4).forward(x_), {1, 3, 2, 2})));
}

TEST_F(Heads, OnlyTurnedGradientsAreTurnedBack) {
  const Tensor d = normal(rng_, {1, 3, 4, 2});
  Tensor straight = d.clone();
  turn_back(layer_, {}, straight);
  EXPECT_TRUE(same_bits(straight, d));
  Tensor turned = d.clone();
  turn_back(turning_, {4, 0, 9}, turned);
  Tensor expected = d.clone();
  nn::detail::rotate({expected.mutable_data<float>(), 3, 8, 8}, 2, 100,
                     {4, 0, 9}, nn::detail::Turn::back);
  EXPECT_TRUE(same_bits(turned, expected));
  EXPECT_FALSE(same_bits(turned, d));
}

// As a layer of its own would; the first result is replaced, the second added.
TEST_F(Heads, GradientsGoThroughTheRowsOfTheProjectionThatMadeTheHeads) {
  const Tensor d_k = normal(rng_, {1, 3, 2, 2});
  Linear keys = projection(layer_, 8, 4);
  const Tensor expected = keys.backward(x_, reshaped(d_k, {1, 3, 4}));
  const Rows rows("heads", "x", x_, kFeatures);
  Tensor d_x(DType::f32, {1, 3, kFeatures});
  std::fill_n(d_x.mutable_data<float>(), d_x.size(), kNan);
  const nn::Compute compute;
  const auto back = [&](Into into) {
    project_back({d_k, rows, 8}, layer_.in_proj_weight, layer_.in_proj_bias,
                 {d_x, into, compute});
  };
  back(Into::fresh);
  EXPECT_TRUE(same_bits(d_x, expected));
  Tensor weight(DType::f32, {16, kFeatures});
  std::copy_n(keys.weight.gradient.data<float>(), 4 * kFeatures,
              weight.mutable_data<float>() + 8 * kFeatures);
  EXPECT_TRUE(same_bits(layer_.in_proj_weight.gradient, weight));
  Tensor bias(DType::f32, {16});
  std::copy_n(keys.bias.gradient.data<float>(), 4,
              bias.mutable_data<float>() + 8);
  EXPECT_TRUE(same_bits(layer_.in_proj_bias.gradient, bias));
  back(Into::sum);
  for (int64_t i = 0; i < d_x.size(); ++i) {
    EXPECT_EQ(d_x.data<float>()[i], 2 * expected.data<float>()[i]);
  }
}

TEST_F(Heads, ARowWhoseGradientIsZeroAddsNothingWhateverItHolds) {
  Tensor d_q = normal(rng_, {1, 3, 4, 2});
  std::fill_n(d_q.mutable_data<float>() + 8, 8, 0.0F);
  const auto gradients_for = [&](float second_row) {
    MultiHeadAttention layer = layer_;
    Tensor x = x_.clone();
    std::fill_n(x.mutable_data<float>() + 8, 8, second_row);
    const Rows rows("heads", "x", x, kFeatures);
    Tensor d_x(DType::f32, {1, 3, kFeatures});
    const nn::Compute compute;
    project_back({d_q, rows, 0}, layer.in_proj_weight, layer.in_proj_bias,
                 {d_x, Into::fresh, compute});
    return layer.in_proj_weight.gradient.clone();
  };
  EXPECT_TRUE(same_bits(gradients_for(kNan), gradients_for(1)));
}

TEST_F(Heads, OptionsAreThoseOfTheCall) {
  const AttentionOptions options =
      nn::detail::options_for({.isa = Isa::scalar, .threads = 3}, Weights::all);
  EXPECT_EQ(options.layout, Layout::blhd);
  EXPECT_EQ(options.weights, Weights::all);
  EXPECT_EQ(options.isa, Isa::scalar);
  EXPECT_EQ(options.threads, 3);
}

}  // namespace
}  // namespace maskwise::testing
