// The decoder-only Transformer: a language model.
#ifndef MASKWISE_NN_DECODER_H_
#define MASKWISE_NN_DECODER_H_

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
#include "maskwise/nn/transformer_layers.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// Where the weights come from that make logits.
enum class OutputWeights {
  own,        // a Linear: output.weight, output.bias
  embedding,  // the embedding's rows, without a bias
};

struct DecoderOptions {
  int64_t tokens = 0;  // of the vocabulary: V
  int64_t layers = 6;
  TransformerLayerOptions layer;
  // Sinusoidal ones are added to embeddings times sqrt(E); under none, which
  // goes with layer.rotary_base, embeddings are taken as they are.
  Positions positions = Positions::sinusoidal;
  OutputWeights output = OutputWeights::own;
  int64_t max_length = 1024;  // of a sentence
  int64_t pad = 0;            // this id is absent; -1: none
};

// What forward() computed, which backward() needs again.
struct DecoderResult {
  Tensor logits;  // [B, L, V]: of the token after each
  MaskPlan plan;
  EncoderStackResult stack;
};

// Layers of self-attention under the mask of a call, such as
// causal() & padding(ids). Names: embedding.weight, layers.0.self_attn.*, ...,
// norm.*, output.*.
class Decoder : public Module {
 public:
  // Norms are ones, everything else zeros: see initialise(). Throws Error for
  // sizes that do not fit together.
  explicit Decoder(const DecoderOptions& options);

  const DecoderOptions& options() const { return options_; }

  // Throws Error when ids, rows and mask do not fit each other, an id is not of
  // the vocabulary, or the mask is padding() of another pad id than the
  // model's.
  DecoderResult forward(const TokenBatch& input, const Mask& mask,
                        const Compute& compute = {}) const;

  // Logits of rows [..., E] that the stack gave, [..., V].
  Tensor logits_of(const TensorView& y, const Compute& compute = {}) const;

  // After forward() of the same input, given d_logits [B, L, V]; adds to the
  // gradients of the parameters and returns that of the embedded tokens,
  // [B, L, E]. Rows whose d_logits are zero are absent.
  Tensor backward(const TokenBatch& input, const DecoderResult& result,
                  const TensorView& d_logits, const Compute& compute = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  TokenEmbedding embedding;
  EncoderStack stack;
  Linear output;  // of one feature where the embedding's weights are taken

 private:
  DecoderOptions options_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_DECODER_H_
