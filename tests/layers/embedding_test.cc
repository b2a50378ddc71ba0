#include "maskwise/nn/embedding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/model_oracle.h"

namespace maskwise::testing {
namespace {

using nn::Embedding;
using nn::Positions;
using nn::TokenEmbedding;
using nn::TokenEmbeddingOptions;

// Row i is 10 i, 10 i + 1, ...
Embedding counted(int64_t tokens, int64_t features) {
  Embedding layer(tokens, features);
  for (int64_t i = 0; i < layer.weight.value.size(); ++i) {
    const int64_t id = i / features;
    layer.weight.value.mutable_data<float>()[i] =
        static_cast<float>(10 * id + i % features);
  }
  return layer;
}

TEST(Embedding, GivesTheRowOfEachIdAndZerosForPadding) {
  const Embedding layer = counted(4, 2);
  const auto ids = Tensor::from<int64_t>({2, 2}, {3, 0, 1, 3});
  EXPECT_TRUE(same_bits(
      layer.forward(ids),
      Tensor::from<float>({2, 2, 2}, {30, 31, 0, 1, 10, 11, 30, 31})));
  EXPECT_TRUE(
      same_bits(layer.forward(ids, 3),
                Tensor::from<float>({2, 2, 2}, {0, 0, 0, 1, 10, 11, 0, 0})));
  EXPECT_TRUE(
      same_bits(layer.forward(Tensor::from<int32_t>({2, 2}, {3, 0, 1, 3})),
                layer.forward(ids)));
  const auto outside = Tensor::from<int64_t>({1, 2}, {-7, 2});
  EXPECT_TRUE(same_bits(layer.forward(outside, -7),
                        Tensor::from<float>({1, 2, 2}, {0, 0, 20, 21})));
}

// In f32, 2^24 + 1 is 2^24: the chain of id 1 is ((2^24 + 1) + 1) - 2^24 = 0,
// that of id 2 is (1 + 1) + 2^24; both are added to what was there.
TEST(Embedding, GradientsAreOneChainForEachIdInAscendingOrder) {
  Embedding layer(4, 1);
  layer.weight.gradient.mutable_data<float>()[1] = 1;
  const auto ids = Tensor::from<int64_t>({2, 4}, {1, 2, 1, 2, 1, 0, 2, 1});
  const auto d_y = Tensor::from<float>(
      {2, 4, 1}, {0x1p24F, 1, 1, 1, 1, kNan, 0x1p24F, -0x1p24F});
  layer.backward(ids, d_y, 0);
  EXPECT_TRUE(same_bits(layer.weight.gradient,
                        Tensor::from<float>({4, 1}, {0, 1, 0x1p24F + 2, 0})));
}

TEST(Embedding, GradientsAreTheSlopes) {
  Rng rng(40);
  Embedding layer(5, 3);
  randomise(rng, layer);
  const auto ids = Tensor::from<int64_t>({2, 3}, {4, 1, 0, 1, 1, 2});
  const Tensor d_y = normal(rng, {2, 3, 3});
  const LayerFunction y_of = [&](const WideMap& w) {
    return embedded_oracle(w.at("weight"), text_of(ids),
                           {.features = 3, .positions = Positions::none});
  };
  const WideMap at = wide_parameters(layer);
  expect_close(layer.forward(ids, 0), y_of(at), "y");
  layer.backward(ids, d_y, 0);
  expect_slopes(y_of, at, d_y, layer.gradients());
}

TEST(Embedding, AnIdWithoutARowIsNamed) {
  Embedding layer(4, 2);
  const auto refuses = [&](const std::string& message, const Tensor& ids) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[embedding] " + message,
                             [&] { layer.forward(ids); }));
    const Tensor d_y(DType::f32, {ids.dim(0), ids.dim(1), 2});
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[embedding] " + message,
                             [&] { layer.backward(ids, d_y); }));
  };
  refuses("token id 4 at [1, 2]; expected ids from 0 to 3, the vocabulary",
          Tensor::from<int32_t>({2, 3}, {0, 1, 2, 3, 0, 4}));
  refuses("token id -2 at [0, 1]; expected ids from 0 to 3, the vocabulary",
          Tensor::from<int64_t>({2, 3}, {0, -2, 2, 3, 0, 4}));
}

TEST(Embedding, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "a vocabulary of 0 tokens; expected at least 1",
                           [] { Embedding(0, 3); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "-1 features; expected at least 1",
                           [] { Embedding(3, -1); }));
  Embedding layer(4, 2);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected token ids of shape [B, L], got [3]",
                           [&] { layer.forward(Tensor(DType::i64, {3})); }));
  const Tensor ids(DType::i64, {2, 3});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_y of shape [2, 3, 2], got [3, 2, 2]",
                           [&] {
                             layer.backward(ids, Tensor(DType::f32, {3, 2, 2}));
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_y of shape [..., 2], got nothing",
                           [&] { layer.backward(ids, {}); }));
}

TokenEmbeddingOptions options_of(Positions positions) {
  return {.tokens = 5,
          .features = 4,
          .scale = 2,
          .positions = positions,
          .max_length = 3,
          .dropout = 0.25,
          .dropout_site = 8};
}

// Padding at both sides and in the middle; with and without dropout.
TEST(TokenEmbedding, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(41);
  const auto ids = Tensor::from<int64_t>({2, 4}, {0, 4, 0, 1, 1, 1, 2, 0});
  for (const Positions positions : {Positions::sinusoidal, Positions::none}) {
    for (const bool drops : {false, true}) {
      TokenEmbedding layer(options_of(positions));
      randomise(rng, layer);
      const OracleText text = drops ? text_of(ids, 77) : text_of(ids);
      const Tensor d_y = normal(rng, {2, 4, 4});
      const LayerFunction y_of = [&](const WideMap& w) {
        return embedded_oracle(w.at("weight"), text, layer.options());
      };
      const WideMap at = wide_parameters(layer);
      expect_close(layer.forward(ids, text.rows), y_of(at), "y");
      layer.backward(ids, text.rows, d_y);
      expect_slopes(y_of, at, d_y, layer.gradients());
    }
  }
}

// Padding's rows are +0, and what its gradient holds is never read.
TEST(TokenEmbedding, PaddingIsAbsent) {
  Rng rng(42);
  TokenEmbedding layer(options_of(Positions::sinusoidal));
  randomise(rng, layer);
  const auto ids = Tensor::from<int64_t>({1, 3}, {0, 2, 0});
  for (const std::optional<uint64_t> seed :
       {std::optional<uint64_t>(), std::optional<uint64_t>(3)}) {
    const OracleText text = text_of(ids, seed);
    const Tensor y = layer.forward(ids, text.rows);
    for (const int64_t i : {0, 1, 2, 3, 8, 9, 10, 11}) {
      EXPECT_EQ(bits_of(y, i), "0x0") << i;
    }
    Tensor d_y = normal(rng, {1, 3, 4});
    layer.zero_gradients();
    layer.backward(ids, text.rows, d_y);
    const Tensor expected = layer.embedding.weight.gradient.clone();
    std::fill_n(d_y.mutable_data<float>(), 4, kNan);
    std::fill_n(d_y.mutable_data<float>() + 8, 4, kInf);
    layer.zero_gradients();
    layer.backward(ids, text.rows, d_y);
    EXPECT_TRUE(same_bits(layer.embedding.weight.gradient, expected));
    EXPECT_GT(std::fabs(expected.data<float>()[2 * 4 + 1]) +
                  std::fabs(expected.data<float>()[2 * 4 + 2]),
              0);
  }
}

TEST(TokenEmbedding, ASentenceLongerThanTheModelsIsRefused) {
  for (const Positions positions : {Positions::sinusoidal, Positions::none}) {
    TokenEmbedding layer(options_of(positions));
    const auto fits = Tensor::from<int64_t>({1, 6}, {0, 1, 0, 2, 3, 0});
    EXPECT_EQ(layer.forward(fits, text_of(fits).rows).shape(),
              (Shape{1, 6, 4}));
    const auto longer = Tensor::from<int64_t>({1, 6}, {0, 1, 0, 2, 3, 4});
    EXPECT_TRUE(throws_error(
        ErrorCode::limit,
        "[embedding] a sentence of more than 3 tokens; expected at most 3, the "
        "model's max_length",
        [&] { layer.forward(longer, text_of(longer).rows); }));
  }
}

TEST(TokenEmbedding, RefusesWhatDoesNotFit) {
  TokenEmbedding layer(options_of(Positions::sinusoidal));
  const Tensor ids(DType::i64, {2, 3});
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[embedding] expected positions of 6 rows, one for each of x, got 2",
      [&] {
        layer.forward(ids, {.positions = {0, 1}});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "p is 1;", [] {
    TokenEmbedding({.tokens = 1, .features = 1, .dropout = 1});
  }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "0 positions of 2 features; expected at least 1 of each",
      [] { TokenEmbedding({.tokens = 1, .features = 2, .max_length = 0}); }));
}

}  // namespace
}  // namespace maskwise::testing
