// The encoder/decoder Transformer with its three masks.
#ifndef MASKWISE_NN_TRANSFORMER_H_
#define MASKWISE_NN_TRANSFORMER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/nn/embedding.h"
#include "maskwise/nn/linear.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/stacks.h"
#include "maskwise/nn/token_batch.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/nn/transformer_layers.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

struct TransformerOptions {
  int64_t source_tokens = 0;  // vocabularies
  int64_t target_tokens = 0;  // V
  int64_t encoder_layers = 6;
  int64_t decoder_layers = 6;
  TransformerLayerOptions layer;
  int64_t max_length = 1024;  // of a sentence
  int64_t pad = 0;  // this id is absent: no embedding, no position; -1: none
};

// The three masks of a Transformer.
struct TransformerMasks {
  Mask encoder;  // [B, H, Ls, Ls]: who in the source sees whom
  Mask decoder;  // [B, H, Lt, Lt]: who in the target sees whom
  Mask cross;    // [B, H, Lt, Ls]: what of the source the target sees
};

// padding(source), causal() & padding(target), padding(source). source
// [B, Ls] and target [B, Lt] are token ids; `pad` is that of the model.
TransformerMasks padding_masks(const TensorView& source,
                               const TensorView& target, int64_t pad = 0);

// The same for batches without padding: documents in the place of padding.
TransformerMasks packed_masks(const Packing& source, const Packing& target);

// For targets that grow token by token and so hold no padding, as those of
// generate() and of a TransformerState: padding(source), causal(),
// padding(source).
TransformerMasks growing_masks(const TensorView& source, int64_t pad = 0);

struct TransformerInput {
  TokenBatch source;
  TokenBatch target;  // what the decoder reads: begins with a start token
};

// The masks of a call, compiled.
struct TransformerPlans {
  MaskPlan encoder;
  MaskPlan decoder;
  MaskPlan cross;
};

// What forward() computed, which backward() needs again.
struct TransformerResult {
  Tensor logits;  // [B, Lt, V]: of the token after each
  TransformerPlans plans;
  EncoderStackResult encoder;  // encoder.y is the memory, [B, Ls, E]
  DecoderStackResult decoder;
};

// Gradients of the embedded tokens.
struct TransformerGradients {
  Tensor d_source;  // [B, Ls, E]
  Tensor d_target;  // [B, Lt, E]
};

// Vaswani et al. 2017: embeddings times sqrt(E) plus sinusoidal positions, the
// encoder, the decoder that reads its memory, and a linear layer to logits.
// Names as PyTorch's nn.Transformer: encoder.layers.0.*, decoder.norm.*, ...;
// beside them source_embedding.weight, target_embedding.weight, output.weight,
// output.bias.
class Transformer : public Module {
 public:
  // Norms are ones, everything else zeros: see initialise(). Throws Error for
  // sizes that do not fit together.
  explicit Transformer(const TransformerOptions& options);

  const TransformerOptions& options() const { return options_; }

  // Throws Error when ids, rows and masks do not fit each other, an id is not
  // of the vocabulary, or a mask is padding() of another pad id than the
  // model's.
  TransformerResult forward(const TransformerInput& input,
                            const TransformerMasks& masks,
                            const Compute& compute = {}) const;

  // The memory alone, [B, Ls, E].
  Tensor encode(const TokenBatch& source, const Mask& mask,
                const Compute& compute = {}) const;

  // After forward() of the same input, given d_logits [B, Lt, V]; adds to the
  // gradients of the parameters. Rows whose d_logits are zero, as those of
  // padding should be, are absent.
  TransformerGradients backward(const TransformerInput& input,
                                const TransformerResult& result,
                                const TensorView& d_logits,
                                const Compute& compute = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  TokenEmbedding source_embedding;
  TokenEmbedding target_embedding;
  EncoderStack encoder;
  DecoderStack decoder;
  Linear output;

 private:
  TransformerOptions options_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TRANSFORMER_H_
