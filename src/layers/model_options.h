// What the options of a model say of its parts.
#ifndef MASKWISE_LAYERS_MODEL_OPTIONS_H_
#define MASKWISE_LAYERS_MODEL_OPTIONS_H_

#include <cmath>
#include <cstdint>

#include "maskwise/nn/embedding.h"
#include "maskwise/nn/transformer_layers.h"

namespace maskwise::nn::detail {

// Rows of `tokens` ids, times sqrt(features), to which sinusoids are added:
// "Attention Is All You Need", sections 3.4 and 3.5. `site`: of what is
// dropped.
template <typename Options>
TokenEmbeddingOptions embedding_of(const Options& options, int64_t tokens,
                                   uint64_t site) {
  return {.tokens = tokens,
          .features = options.layer.features,
          .scale = std::sqrt(static_cast<float>(options.layer.features)),
          .positions = Positions::sinusoidal,
          .max_length = options.max_length,
          .pad = options.pad,
          .dropout = options.layer.dropout,
          .dropout_site = site};
}

// The same layer, what it drops at `sites` and the sites that follow.
inline TransformerLayerOptions layer_at(const TransformerLayerOptions& layer,
                                        uint64_t sites) {
  TransformerLayerOptions moved = layer;
  moved.dropout_site = sites;
  return moved;
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_MODEL_OPTIONS_H_
