// Classification of sentences by an encoder.
#ifndef MASKWISE_NN_ENCODER_CLASSIFIER_H_
#define MASKWISE_NN_ENCODER_CLASSIFIER_H_

#include <cstdint>
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

struct EncoderClassifierOptions {
  int64_t tokens = 0;   // of the vocabulary
  int64_t classes = 0;  // C
  int64_t layers = 6;
  TransformerLayerOptions layer;
  int64_t max_length = 1024;  // of a sentence
  int64_t pad = 0;            // this id is absent; -1: none
};

// What forward() computed, which backward() needs again.
struct EncoderClassifierResult {
  Tensor logits;  // [S, C]
  Tensor means;   // [S, E]: what logits are made of
  MaskPlan plan;
  EncoderStackResult encoder;
};

// The mean of the encoder's rows over the tokens of each sentence that are not
// padding, then a linear layer. Sentences are those of the batch's rows, in the
// order in which they first stand there: the batch items, or, of a Packing, its
// sentences. A batch item without tokens has the mean 0; a Packing has none of
// it. Names: embedding.weight,
// encoder.*, output.*.
class EncoderClassifier : public Module {
 public:
  // Norms are ones, everything else zeros: see initialise(). Throws Error for
  // sizes that do not fit together.
  explicit EncoderClassifier(const EncoderClassifierOptions& options);

  const EncoderClassifierOptions& options() const { return options_; }

  // The mask is of [B, H, L, L], such as padding(ids). Throws Error when ids,
  // rows and mask do not fit each other, or the mask's pad id is not the
  // model's.
  EncoderClassifierResult forward(const TokenBatch& input, const Mask& mask,
                                  const Compute& compute = {}) const;

  // After forward() of the same input, given d_logits [S, C]; adds to the
  // gradients of the parameters and returns that of the embedded tokens,
  // [B, L, E].
  Tensor backward(const TokenBatch& input,
                  const EncoderClassifierResult& result,
                  const TensorView& d_logits, const Compute& compute = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  TokenEmbedding embedding;
  EncoderStack encoder;
  Linear output;

 private:
  EncoderClassifierOptions options_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_ENCODER_CLASSIFIER_H_
