// Stacks and whole models in float64, written from their formulas, for tests:
// what the f32 models should give, and functions that can be differentiated
// numerically (layer_gradients.h).
#ifndef MASKWISE_TESTS_SUPPORT_MODEL_ORACLE_H_
#define MASKWISE_TESTS_SUPPORT_MODEL_ORACLE_H_

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/nn/decoder.h"
#include "maskwise/nn/encoder_classifier.h"
#include "maskwise/nn/transformer.h"
#include "tests/support/layer_masks.h"
#include "tests/support/layer_oracle.h"

namespace maskwise::testing {

// Token ids [B, L], i64, and all that their rows are.
struct OracleText {
  Tensor ids;
  nn::TokenRows rows;

  size_t batch() const { return static_cast<size_t>(ids.dim(0)); }
};

inline OracleText text_of(const Tensor& ids,
                          std::optional<uint64_t> dropout = std::nullopt) {
  OracleText text = {ids, nn::token_rows(ids)};
  text.rows.dropout = dropout;
  return text;
}

inline Visible visible_by(const Mask& mask, const AttentionShape& shape) {
  return visible_in(mask.bind(shape).to_dense());
}

// What is of a module, by its own names.
inline WideMap under(const WideMap& at, const std::string& prefix) {
  WideMap found;
  for (const auto& [name, values] : at) {
    if (name.starts_with(prefix)) found[name.substr(prefix.size())] = values;
  }
  return found;
}

// Vaswani et al. 2017, section 3.5.
inline double sinusoid_oracle(int64_t position, int64_t feature,
                              int64_t features) {
  const auto pair = static_cast<double>(feature / 2);
  const double angle =
      static_cast<double>(position) /
      std::pow(10000.0, 2 * pair / static_cast<double>(features));
  return feature % 2 == 0 ? std::sin(angle) : std::cos(angle);
}

// dropout(table * scale + position); zeros for padding.
inline Wide embedded_oracle(const Wide& table, const OracleText& text,
                            const nn::TokenEmbeddingOptions& options) {
  const int64_t width = options.features;
  Wide y;
  for (int64_t row = 0; row < text.ids.size(); ++row) {
    const int64_t id = text.ids.data<int64_t>()[row];
    const int64_t position = text.rows.positions[static_cast<size_t>(row)];
    for (int64_t j = 0; j < width; ++j) {
      double value = 0;
      if (id != options.pad) {
        value = table[static_cast<size_t>(id * width + j)] * options.scale;
        if (options.positions == nn::Positions::sinusoidal) {
          value += sinusoid_oracle(position, j, width);
        }
      }
      y.push_back(value);
    }
  }
  const nn::Dropout dropout(options.dropout, options.dropout_site);
  return dropped_oracle(std::move(y), dropout, text.rows);
}

// `at` holds the parameters of the stack. Layer i has four sites of dropout
// from 4 i on.
template <typename Layer>
Wide stack_oracle(const WideMap& at, Wide x, int64_t layers,
                  nn::TransformerLayerOptions options, Layer layer) {
  for (int64_t i = 0; i < layers; ++i) {
    WideMap each = under(at, "layers." + std::to_string(i) + ".");
    each["x"] = std::move(x);
    x = layer(each, options);
    options.dropout_site += 4;
  }
  return norm_oracle(x, at, "norm.", options.eps);
}

inline Wide encoder_stack_oracle(const WideMap& at, const Wide& x,
                                 int64_t layers,
                                 const nn::TransformerLayerOptions& options,
                                 const OracleText& text,
                                 const Visible& visible) {
  return stack_oracle(
      at, x, layers, options,
      [&](const WideMap& each, const nn::TransformerLayerOptions& with) {
        return encoder_oracle(each, text.batch(), with, visible, text.rows);
      });
}

// Sites of dropout in a model: the embeddings' are 0 and 1, the layers' begin
// at 2^32 and, of the decoder behind an encoder, at 2^33.
inline constexpr uint64_t kLayerSites = uint64_t{1} << 32U;
inline constexpr uint64_t kDecoderSites = uint64_t{1} << 33U;

inline nn::TransformerLayerOptions from_site(
    nn::TransformerLayerOptions options, uint64_t site) {
  options.dropout_site = site;
  return options;
}

// Embeddings times sqrt(E) and sinusoidal positions.
inline nn::TokenEmbeddingOptions classic_embedding(
    const nn::TransformerLayerOptions& layer, uint64_t site) {
  return {.features = layer.features,
          .scale = std::sqrt(static_cast<float>(layer.features)),
          .dropout = layer.dropout,
          .dropout_site = site};
}

struct TransformerTexts {
  OracleText source;
  OracleText target;
  Visible encoder;
  Visible decoder;
  Visible cross;
};

// Logits. `at` holds the parameters and what is added to the embedded rows,
// "source" and "target": zeros, to be differentiated by.
inline Wide transformer_oracle(const WideMap& at,
                               const nn::TransformerOptions& options,
                               const TransformerTexts& texts) {
  const nn::TransformerLayerOptions& layer = options.layer;
  const Wide source =
      wide_sum(embedded_oracle(at.at("source_embedding.weight"), texts.source,
                               classic_embedding(layer, 0)),
               at.at("source"));
  const Wide target =
      wide_sum(embedded_oracle(at.at("target_embedding.weight"), texts.target,
                               classic_embedding(layer, 1)),
               at.at("target"));
  const Wide memory = encoder_stack_oracle(
      under(at, "encoder."), source, options.encoder_layers,
      from_site(layer, kLayerSites), texts.source, texts.encoder);
  const Wide y = stack_oracle(
      under(at, "decoder."), target, options.decoder_layers,
      from_site(layer, kDecoderSites),
      [&](WideMap& each, const nn::TransformerLayerOptions& with) {
        each["memory"] = memory;
        return decoder_oracle(each, texts.target.batch(), with, texts.decoder,
                              texts.cross, texts.target.rows);
      });
  return linear_oracle(y, at.at("output.weight"), at.at("output.bias"));
}

// Means of the rows that are not padding, for each sentence number from 0 on.
inline Wide means_oracle(const Wide& y, const OracleText& text,
                         size_t sentences) {
  const size_t width = y.size() / text.rows.sentences.size();
  Wide sums(sentences * width, 0.0);
  std::vector<double> counts(sentences, 0.0);
  for (size_t row = 0; row < text.rows.sentences.size(); ++row) {
    if (text.ids.data<int64_t>()[row] == 0) continue;
    const auto sentence = static_cast<size_t>(text.rows.sentences[row]);
    ++counts[sentence];
    for (size_t j = 0; j < width; ++j) {
      sums[sentence * width + j] += y[row * width + j];
    }
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    sums[i] /= std::fmax(1, counts[i / width]);
  }
  return sums;
}

// Logits. `at` holds the parameters and what is added to the embedded rows, x.
inline Wide classifier_oracle(const WideMap& at,
                              const nn::EncoderClassifierOptions& options,
                              const OracleText& text, const Visible& visible) {
  const Wide x = wide_sum(embedded_oracle(at.at("embedding.weight"), text,
                                          classic_embedding(options.layer, 0)),
                          at.at("x"));
  const Wide y = encoder_stack_oracle(under(at, "encoder."), x, options.layers,
                                      from_site(options.layer, kLayerSites),
                                      text, visible);
  return linear_oracle(means_oracle(y, text, text.batch()),
                       at.at("output.weight"), at.at("output.bias"));
}

// Logits. `at` as above.
inline Wide language_model_oracle(const WideMap& at,
                                  const nn::DecoderOptions& options,
                                  const OracleText& text,
                                  const Visible& visible) {
  const Wide& table = at.at("embedding.weight");
  nn::TokenEmbeddingOptions embedding = classic_embedding(options.layer, 0);
  embedding.positions = options.positions;
  if (options.positions == nn::Positions::none) embedding.scale = 1;
  const Wide x = wide_sum(embedded_oracle(table, text, embedding), at.at("x"));
  const Wide y = encoder_stack_oracle(at, x, options.layers,
                                      from_site(options.layer, kLayerSites),
                                      text, visible);
  if (options.output == nn::OutputWeights::own) {
    return linear_oracle(y, at.at("output.weight"), at.at("output.bias"));
  }
  return linear_oracle(y, table,
                       Wide(static_cast<size_t>(options.tokens), 0.0));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MODEL_ORACLE_H_
