// Encoder and decoder layers one after the other.
#ifndef MASKWISE_NN_STACKS_H_
#define MASKWISE_NN_STACKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/mask_plan.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/norm.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/nn/transformer_layers.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

struct EncoderStackResult {
  Tensor y;  // [B, L, E]
  std::vector<EncoderLayerResult> layers;
};

// Encoder layers and a norm, as PyTorch's nn.TransformerEncoder: layers.0.*,
// ..., norm.*. With a causal mask they are the decoder of a model that has no
// encoder.
class EncoderStack : public Module {
 public:
  // Layer i takes kDropoutSites sites from layer.dropout_site +
  // i * kDropoutSites on. Throws Error for less than one layer.
  EncoderStack(int64_t layers, const TransformerLayerOptions& layer);

  // As EncoderLayer.
  EncoderStackResult forward(const TensorView& x, const MaskPlan& mask,
                             const Compute& compute = {},
                             const TokenRows& tokens = {}) const;
  Tensor backward(const EncoderStackResult& result, const MaskPlan& mask,
                  const TensorView& d_y, const Compute& compute = {},
                  const TokenRows& tokens = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  std::vector<EncoderLayer> layers;
  Norm norm;
};

struct DecoderStackResult {
  Tensor y;  // [B, Lq, E]
  std::vector<DecoderLayerResult> layers;
};

// Decoder layers and a norm, as PyTorch's nn.TransformerDecoder.
class DecoderStack : public Module {
 public:
  DecoderStack(int64_t layers, const TransformerLayerOptions& layer);

  // As DecoderLayer; every layer reads the same memory.
  DecoderStackResult forward(const TensorView& x, const TensorView& memory,
                             const DecoderMasks& masks,
                             const Compute& compute = {},
                             const TokenRows& tokens = {}) const;
  DecoderLayerGradients backward(const DecoderStackResult& result,
                                 const TensorView& memory,
                                 const DecoderMasks& masks,
                                 const TensorView& d_y,
                                 const Compute& compute = {},
                                 const TokenRows& tokens = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  std::vector<DecoderLayer> layers;
  Norm norm;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_STACKS_H_
