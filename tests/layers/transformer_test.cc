#include "maskwise/nn/transformer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/model_oracle.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::NormOrder;
using nn::Packing;
using nn::Transformer;
using nn::TransformerGradients;
using nn::TransformerInput;
using nn::TransformerMasks;
using nn::TransformerOptions;
using nn::TransformerResult;

TransformerOptions options_of(NormOrder order, Activation activation,
                              double dropout = 0) {
  return {.source_tokens = 6,
          .target_tokens = 5,
          .encoder_layers = 2,
          .decoder_layers = 2,
          .layer = {.features = 4,
                    .heads = 2,
                    .hidden = 5,
                    .activation = activation,
                    .norm_order = order,
                    .eps = 0.125F,
                    .dropout = dropout},
          .max_length = 4};
}

// Padding at either side of a sentence.
Tensor source_ids() {
  return Tensor::from<int64_t>({2, 4}, {5, 3, 1, 0, 0, 4, 5, 0});
}
Tensor target_ids() {
  return Tensor::from<int64_t>({2, 3}, {1, 4, 1, 0, 2, 3});
}

TransformerTexts texts_of(std::optional<uint64_t> seed) {
  const Tensor source = source_ids();
  const Tensor target = target_ids();
  const TransformerMasks masks = nn::padding_masks(source, target);
  return {text_of(source, seed), text_of(target, seed),
          visible_by(masks.encoder, {2, 2, 4, 4}),
          visible_by(masks.decoder, {2, 2, 3, 3}),
          visible_by(masks.cross, {2, 2, 3, 4})};
}

// Logits and every gradient, of rows of padding, too.
void expect_formula(uint32_t random_seed, const TransformerOptions& options,
                    std::optional<uint64_t> dropout = std::nullopt) {
  Rng rng(random_seed);
  Transformer model(options);
  randomise(rng, model);
  const TransformerTexts texts = texts_of(dropout);
  const TransformerInput input = {{texts.source.ids, {.dropout = dropout}},
                                  {texts.target.ids, {.dropout = dropout}}};
  const TransformerMasks masks =
      nn::padding_masks(texts.source.ids, texts.target.ids);
  const LayerFunction logits_of = [&](const WideMap& w) {
    return transformer_oracle(w, options, texts);
  };
  WideMap at = wide_parameters(model);
  at["source"] = Wide(2 * 4 * 4, 0.0);
  at["target"] = Wide(2 * 3 * 4, 0.0);
  const TransformerResult result = model.forward(input, masks);
  expect_close(result.logits, logits_of(at), "logits");
  const Tensor d_logits = normal(rng, {2, 3, 5});
  const TransformerGradients d = model.backward(input, result, d_logits);
  TensorMap found = model.gradients();
  found["source"] = d.d_source;
  found["target"] = d.d_target;
  expect_slopes(logits_of, at, d_logits, found);
}

TEST(Transformer, ValuesAndGradientsAreThoseOfTheFormulaPostNorm) {
  expect_formula(50, options_of(NormOrder::post, Activation::relu));
}

TEST(Transformer, ValuesAndGradientsAreThoseOfTheFormulaPreNorm) {
  expect_formula(51, options_of(NormOrder::pre, Activation::gelu));
}

TEST(Transformer, ValuesAndGradientsUnderDropoutAreThoseOfTheFormula) {
  expect_formula(52, options_of(NormOrder::pre, Activation::swiglu, 0.25), 9);
}

TEST(Transformer, EncodingAloneGivesTheMemoryOfTheWhole) {
  Rng rng(53);
  Transformer model(options_of(NormOrder::post, Activation::relu, 0.25));
  randomise(rng, model);
  const Tensor source = source_ids();
  const Tensor target = target_ids();
  const TransformerMasks masks = nn::padding_masks(source, target);
  for (const std::optional<uint64_t> seed :
       {std::optional<uint64_t>(), std::optional<uint64_t>(4)}) {
    const nn::TokenBatch batch = {source, {.dropout = seed}};
    const TransformerResult result = model.forward({batch, {target}}, masks);
    EXPECT_TRUE(
        same_bits(model.encode(batch, masks.encoder), result.encoder.y));
  }
}

// Queries in rows, keys in columns; a token may attend.
TEST(TransformerMasks, OfPaddedBatchesLetTokensBeSeen) {
  const auto source = Tensor::from<int64_t>({1, 3}, {5, 3, 0});
  const auto target = Tensor::from<int32_t>({1, 3}, {0, 4, 2});
  const auto dense = [](const Mask& mask) {
    return mask.bind({1, 1, 3, 3}).to_dense();
  };
  const TransformerMasks masks = nn::padding_masks(source, target);
  const Shape shape = {1, 1, 3, 3};
  const auto expected = [&](const std::vector<bool>& seen) {
    Tensor result(DType::boolean, shape);
    for (size_t i = 0; i < seen.size(); ++i) {
      result.mutable_data<bool>()[i] = seen[i];
    }
    return result;
  };
  EXPECT_TRUE(same_bits(
      dense(masks.encoder),
      expected({true, true, false, true, true, false, true, true, false})));
  EXPECT_TRUE(same_bits(
      dense(masks.decoder),
      expected({false, false, false, false, true, false, false, true, true})));
  EXPECT_TRUE(same_bits(dense(masks.cross), dense(masks.encoder)));
  const TransformerMasks by_four = nn::padding_masks(source, target, 5);
  EXPECT_TRUE(same_bits(
      dense(by_four.encoder),
      expected({false, true, true, false, true, true, false, true, true})));
}

// Sentence 0 has source tokens 0 and 1 and target token 0, sentence 1 the rest.
TEST(TransformerMasks, OfPackedBatchesKeepSentencesApart) {
  const Packing source(Tensor::from<int64_t>({2, 2}, {5, 3, 4, 0}));
  const Packing target(Tensor::from<int64_t>({2, 2}, {1, 0, 1, 2}));
  const TransformerMasks masks = nn::packed_masks(source, target);
  const BoundMask encoder = masks.encoder.bind({1, 1, 3, 3});
  const BoundMask decoder = masks.decoder.bind({1, 1, 3, 3});
  const BoundMask cross = masks.cross.bind({1, 1, 3, 3});
  for (int64_t q = 0; q < 3; ++q) {
    for (int64_t k = 0; k < 3; ++k) {
      EXPECT_EQ(encoder.allowed(0, 0, q, k), (q < 2) == (k < 2)) << q << k;
      EXPECT_EQ(decoder.allowed(0, 0, q, k), (q < 1) == (k < 1) && k <= q)
          << q << k;
      EXPECT_EQ(cross.allowed(0, 0, q, k), (q < 1) == (k < 2)) << q << k;
    }
  }
}

TEST(Transformer, RefusesSizesThatDoNotFitTogether) {
  const auto refuses = [](const TransformerOptions& options,
                          const std::string& fragment) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { Transformer{options}; }));
  };
  TransformerOptions options = options_of(NormOrder::post, Activation::relu);
  options.encoder_layers = 0;
  refuses(options, "[encoder] 0 layers; expected at least 1");
  options = options_of(NormOrder::post, Activation::relu);
  options.decoder_layers = 0;
  refuses(options, "[decoder] 0 layers; expected at least 1");
  options = options_of(NormOrder::post, Activation::relu);
  options.target_tokens = 0;
  refuses(options, "a vocabulary of 0 tokens");
  options = options_of(NormOrder::post, Activation::relu);
  options.max_length = 0;
  refuses(options, "0 positions of 4 features");
}

TEST(Transformer, RefusesInputsThatDoNotFit) {
  Transformer model(options_of(NormOrder::post, Activation::relu));
  const Tensor source = source_ids();
  const Tensor target = target_ids();
  const TransformerMasks masks = nn::padding_masks(source, target);
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const Tensor& from, const Tensor& to) {
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      model.forward({{from}, {to}}, masks);
    }));
  };
  refuses(ErrorCode::shape_mismatch,
          "[transformer] 2 sources and 1 targets; expected one of each for "
          "every sentence",
          source, Tensor::from<int64_t>({1, 3}, {1, 2, 3}));
  refuses(ErrorCode::shape_mismatch,
          "[transformer] expected token ids of shape [B, L], got [3]", source,
          Tensor(DType::i64, {3}));
  refuses(ErrorCode::invalid_argument,
          "[transformer] expected token ids of type i32 or i64, got f32",
          Tensor(DType::f32, {2, 4}), target);
  refuses(ErrorCode::invalid_argument,
          "token id 6 at [1, 1]; expected ids from 0 to 5, the vocabulary",
          Tensor::from<int64_t>({2, 4}, {5, 3, 1, 0, 0, 6, 5, 0}), target);
  const auto refuses_masks = [&](const TransformerMasks& bad) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[transformer] a padding() mask of pad id 1 for a "
                             "model whose pad id is 0; expected the same",
                             [&] {
                               model.forward({{source}, {target}}, bad);
                             }));
  };
  const TransformerMasks others = nn::padding_masks(source, target, 1);
  refuses_masks({others.encoder, masks.decoder, masks.cross});
  refuses_masks({masks.encoder, others.decoder, masks.cross});
  refuses_masks({masks.encoder, masks.decoder, others.cross});
  // The masks are of 4 tokens.
  EXPECT_TRUE(thrown_by([&] {
    model.forward({{Tensor(DType::i64, {2, 3})}, {target}}, masks);
  }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch, "expected positions of 8 rows", [&] {
        model.forward({{source, {.positions = {0, 1}}}, {target}}, masks);
      }));
  const TransformerResult result = model.forward({{source}, {target}}, masks);
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected d_logits of shape [2, 3, 5], got", [&] {
                             model.backward({{source}, {target}}, result,
                                            Tensor(DType::f32, {2, 4, 5}));
                           }));
}

TEST(Transformer, ABackwardThatIsRefusedAddsToNoGradient) {
  Transformer model(options_of(NormOrder::post, Activation::relu));
  const Tensor source = source_ids();
  const Tensor target = target_ids();
  const TransformerResult result =
      model.forward({{source}, {target}}, nn::padding_masks(source, target));
  Tensor d_logits(DType::f32, result.logits.shape());
  std::fill_n(d_logits.mutable_data<float>(), d_logits.size(), 1.0F);
  const Tensor longer = Tensor(DType::i64, {2, source.dim(1) + 1});
  Tensor unknown = source.clone();
  unknown.mutable_data<int64_t>()[0] = 99;
  for (const Tensor& other : {longer, unknown}) {
    EXPECT_TRUE(thrown_by([&] {
      model.backward({{other}, {target}}, result, d_logits);
    }));
  }
  for (const auto& [name, gradient] : model.gradients()) {
    for (int64_t i = 0; i < gradient.size(); ++i) {
      ASSERT_EQ(gradient.data<float>()[i], 0) << name;
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
