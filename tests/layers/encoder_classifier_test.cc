#include "maskwise/nn/encoder_classifier.h"

#include <gtest/gtest.h>

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
using nn::EncoderClassifier;
using nn::EncoderClassifierOptions;
using nn::EncoderClassifierResult;
using nn::NormOrder;

EncoderClassifierOptions options_of(NormOrder order, double dropout = 0) {
  return {.tokens = 6,
          .classes = 3,
          .layers = 2,
          .layer = {.features = 4,
                    .heads = 2,
                    .hidden = 5,
                    .activation = Activation::gelu,
                    .norm_order = order,
                    .eps = 0.125F,
                    .dropout = dropout},
          .max_length = 4};
}

// Padding at either side; the last sentence has no token.
Tensor ids() {
  return Tensor::from<int64_t>({3, 4}, {5, 3, 1, 0, 0, 0, 4, 0, 0, 0, 0, 0});
}

void expect_formula(uint32_t random_seed,
                    const EncoderClassifierOptions& options,
                    std::optional<uint64_t> dropout = std::nullopt) {
  Rng rng(random_seed);
  EncoderClassifier model(options);
  randomise(rng, model);
  const OracleText text = text_of(ids(), dropout);
  const Mask mask = padding(text.ids);
  const Visible visible = visible_by(mask, {3, 2, 4, 4});
  const LayerFunction logits_of = [&](const WideMap& w) {
    return classifier_oracle(w, options, text, visible);
  };
  WideMap at = wide_parameters(model);
  at["x"] = Wide(3 * 4 * 4, 0.0);
  const nn::TokenBatch input = {text.ids, {.dropout = dropout}};
  const EncoderClassifierResult result = model.forward(input, mask);
  expect_close(result.logits, logits_of(at), "logits");
  const Tensor d_logits = normal(rng, {3, 3});
  TensorMap found = {{"x", model.backward(input, result, d_logits)}};
  found.merge(model.gradients());
  expect_slopes(logits_of, at, d_logits, found);
}

TEST(EncoderClassifier, ValuesAndGradientsAreThoseOfTheFormulaPostNorm) {
  expect_formula(54, options_of(NormOrder::post));
}

TEST(EncoderClassifier, ValuesAndGradientsAreThoseOfTheFormulaPreNorm) {
  expect_formula(55, options_of(NormOrder::pre));
}

TEST(EncoderClassifier, ValuesAndGradientsUnderDropoutAreThoseOfTheFormula) {
  expect_formula(56, options_of(NormOrder::post, 0.25), 9);
}

TEST(EncoderClassifier, ASentenceWithoutTokensGivesTheBias) {
  Rng rng(57);
  EncoderClassifier model(options_of(NormOrder::post));
  randomise(rng, model);
  const EncoderClassifierResult result = model.forward({ids()}, padding(ids()));
  for (int64_t j = 0; j < 3; ++j) {
    EXPECT_EQ(result.logits.data<float>()[6 + j],
              model.output.bias.value.data<float>()[j]);
  }
}

TEST(EncoderClassifier, NamesArePrefixedByItsParts) {
  EncoderClassifier model(options_of(NormOrder::post));
  const TensorMap parameters = model.parameters();
  EXPECT_EQ(parameters.size(), 1U + 2 * 12 + 2 + 2);
  for (const char* name :
       {"embedding.weight", "encoder.layers.1.norm2.bias",
        "encoder.norm.weight", "output.weight", "output.bias"}) {
    EXPECT_TRUE(parameters.contains(name)) << name;
  }
}

TEST(EncoderClassifier, RefusesWhatDoesNotFit) {
  EncoderClassifier model(options_of(NormOrder::post));
  const Tensor fits = ids();
  const Mask mask = padding(fits);
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[encoder_classifier] expected token ids of shape [B, L], got [4]",
      [&] { model.forward({Tensor(DType::i64, {4})}, mask); }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "token id 6 at [0, 1]; expected ids from 0 to 5, the vocabulary", [&] {
        const auto bad = Tensor::from<int64_t>({1, 2}, {1, 6});
        model.forward({bad}, padding(bad));
      }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected sentences of 12 rows", [&] {
                             model.forward({fits, {.sentences = {0, 1}}}, mask);
                           }));
  const EncoderClassifierResult result = model.forward({fits}, mask);
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "expected d_logits of shape [3, 3], got [2, 3]", [&] {
                     model.backward({fits}, result, Tensor(DType::f32, {2, 3}));
                   }));
  EncoderClassifierOptions none = options_of(NormOrder::post);
  none.classes = 0;
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "[encoder_classifier] 0 classes; expected at least 1",
                   [&] { EncoderClassifier{none}; }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "[encoder_classifier] a padding() mask of "
                   "pad id 5 for a model whose pad id is 0",
                   [&] { model.forward({fits}, padding(fits, {.pad = 5})); }));
}

}  // namespace
}  // namespace maskwise::testing
