#include "maskwise/nn/decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/model_oracle.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::Decoder;
using nn::DecoderOptions;
using nn::DecoderResult;
using nn::NormKind;
using nn::NormOrder;
using nn::OutputWeights;
using nn::Positions;

DecoderOptions classic() {
  return {.tokens = 6,
          .layers = 2,
          .layer = {.features = 4, .heads = 2, .hidden = 5, .eps = 0.125F},
          .max_length = 4};
}

// As language models of 2023 are.
DecoderOptions modern() {
  DecoderOptions options = classic();
  options.layer = {.features = 8,
                   .heads = 4,
                   .kv_heads = 2,
                   .hidden = 5,
                   .activation = Activation::swiglu,
                   .norm_order = NormOrder::pre,
                   .norm = NormKind::rms,
                   .eps = 0.125F,
                   .rotary_base = 50};
  options.positions = Positions::none;
  options.output = OutputWeights::embedding;
  return options;
}

// Padding at either side: rows that see no key.
Tensor ids() { return Tensor::from<int64_t>({2, 4}, {5, 3, 1, 0, 0, 4, 5, 5}); }

void expect_formula(uint32_t random_seed, const DecoderOptions& options,
                    std::optional<uint64_t> dropout = std::nullopt) {
  Rng rng(random_seed);
  Decoder model(options);
  randomise(rng, model);
  const OracleText text = text_of(ids(), dropout);
  const Mask mask = causal() & padding(text.ids);
  const int64_t heads = options.layer.heads;
  const Visible visible = visible_by(mask, {2, heads, 4, 4});
  const LayerFunction logits_of = [&](const WideMap& w) {
    return language_model_oracle(w, options, text, visible);
  };
  WideMap at = wide_parameters(model);
  at["x"] = Wide(static_cast<size_t>(2 * 4 * options.layer.features), 0.0);
  const nn::TokenBatch input = {text.ids, {.dropout = dropout}};
  const DecoderResult result = model.forward(input, mask);
  expect_close(result.logits, logits_of(at), "logits");
  const Tensor d_logits = normal(rng, {2, 4, options.tokens});
  TensorMap found = {{"x", model.backward(input, result, d_logits)}};
  found.merge(model.gradients());
  expect_slopes(logits_of, at, d_logits, found);
}

TEST(Decoder, ValuesAndGradientsAreThoseOfTheFormulaOfVaswani) {
  expect_formula(58, classic());
}

TEST(Decoder, ValuesAndGradientsAreThoseOfTheFormulaOfModernModels) {
  expect_formula(59, modern());
}

TEST(Decoder, TiedAndOwnOutputsGoWithEitherPositions) {
  DecoderOptions tied = classic();
  tied.output = OutputWeights::embedding;
  expect_formula(60, tied);
  DecoderOptions own = modern();
  own.layers = 1;
  own.output = OutputWeights::own;
  expect_formula(61, own);
}

TEST(Decoder, ValuesAndGradientsUnderDropoutAreThoseOfTheFormula) {
  DecoderOptions options = modern();
  options.layers = 1;
  options.layer.dropout = 0.25;
  expect_formula(62, options, 9);
  options = classic();
  options.layer.dropout = 0.25;
  expect_formula(63, options, 10);
}

TEST(Decoder, OnlyAnOutputOfItsOwnHasParameters) {
  Decoder own(classic());
  EXPECT_EQ(own.parameters().size(), 1U + 2 * 12 + 2 + 2);
  for (const char* name : {"embedding.weight", "layers.1.norm2.bias",
                           "norm.weight", "output.weight", "output.bias"}) {
    EXPECT_TRUE(own.parameters().contains(name)) << name;
  }
  DecoderOptions options = classic();
  options.output = OutputWeights::embedding;
  Decoder tied(options);
  EXPECT_EQ(tied.parameters().size(), 1U + 2 * 12 + 2);
  EXPECT_FALSE(tied.parameters().contains("output.weight"));
}

TEST(Decoder, RefusesAMaskOfAnotherPadId) {
  const Decoder model(classic());
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "[decoder] a padding() mask of pad id 3 for a model "
      "whose pad id is 0; expected the same",
      [&] { model.forward({ids()}, causal() & padding(ids(), {.pad = 3})); }));
}

// Rows of the batch one by one, as a generator asks for them.
TEST(Decoder, LogitsOfARowAreThoseOfTheBatch) {
  Rng rng(64);
  for (const DecoderOptions& options : {classic(), modern()}) {
    Decoder model(options);
    randomise(rng, model);
    const Mask mask = causal() & padding(ids());
    const DecoderResult result = model.forward({ids()}, mask);
    const int64_t width = options.layer.features;
    for (int64_t row = 0; row < 8; ++row) {
      const TensorView y(result.stack.y.data<float>() + row * width, DType::f32,
                         {1, width});
      const TensorView expected(result.logits.data<float>() + row * 6,
                                DType::f32, {1, 6});
      EXPECT_TRUE(same_bits(model.logits_of(y), Tensor::copy_of(expected)));
    }
  }
}

// A row of the output without a gradient is absent, whatever is kept of it.
TEST(Decoder, ARowWithoutGradientAddsNothingToTiedWeights) {
  Rng rng(65);
  Decoder model(modern());
  randomise(rng, model);
  const auto text = Tensor::from<int64_t>({1, 3}, {5, 3, 1});
  DecoderResult result = model.forward({text}, causal());
  Tensor d_logits = normal(rng, {1, 3, 6});
  std::fill_n(d_logits.mutable_data<float>() + 12, 6, 0.0F);
  model.backward({text}, result, d_logits);
  const Tensor expected = model.embedding.embedding.weight.gradient.clone();
  model.zero_gradients();
  std::fill_n(result.stack.y.mutable_data<float>() + 16, 8, kNan);
  model.backward({text}, result, d_logits);
  EXPECT_TRUE(same_bits(model.embedding.embedding.weight.gradient, expected));
}

// Infinity times 0 is a NaN.
TEST(Decoder, RowsWithoutGradientGetNoneFromOddTiedWeightsEither) {
  Rng rng(66);
  Decoder model(modern());
  randomise(rng, model);
  const auto text = Tensor::from<int64_t>({1, 3}, {5, 3, 1});
  const DecoderResult result = model.forward({text}, causal());
  model.embedding.embedding.weight.value.mutable_data<float>()[4 * 8] = kInf;
  const Tensor d_x =
      model.backward({text}, result, Tensor(DType::f32, {1, 3, 6}));
  EXPECT_TRUE(same_bits(d_x, Tensor(DType::f32, {1, 3, 8})));
}

TEST(Decoder, RefusesWhatDoesNotFit) {
  for (const DecoderOptions& options : {classic(), modern()}) {
    Decoder model(options);
    const Tensor fits = ids();
    const Mask mask = causal() & padding(fits);
    EXPECT_TRUE(
        throws_error(ErrorCode::shape_mismatch,
                     "[decoder] expected token ids of shape [B, L], got [4]",
                     [&] { model.forward({Tensor(DType::i64, {4})}, mask); }));
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument,
        "token id -1 at [0, 0]; expected ids from 0 to 5, the vocabulary", [&] {
          model.forward({Tensor::from<int64_t>({1, 1}, {-1})}, all());
        }));
    EXPECT_TRUE(
        throws_error(ErrorCode::limit, "a sentence of more than 4 tokens", [&] {
          const auto longer = Tensor::from<int64_t>({1, 5}, {1, 2, 3, 4, 5});
          model.forward({longer}, causal());
        }));
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "expected", [&] {
      model.logits_of(Tensor(DType::f32, {2, 3}));
    }));
    const DecoderResult result = model.forward({fits}, mask);
    EXPECT_TRUE(throws_error(
        ErrorCode::shape_mismatch, "of shape [2, 4, 6], got [1, 4, 6]", [&] {
          model.backward({fits}, result, Tensor(DType::f32, {1, 4, 6}));
        }));
    for (const auto& [name, gradient] : model.gradients()) {
      EXPECT_TRUE(same_bits(gradient, Tensor(DType::f32, gradient.shape())));
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
