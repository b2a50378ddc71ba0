// The lengths of sequences that tokens are appended to, and the checks of what
// is appended.
#ifndef MASKWISE_LAYERS_GROWING_SEQUENCES_H_
#define MASKWISE_LAYERS_GROWING_SEQUENCES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "layers/cached_layers.h"
#include "maskwise/nn/embedding.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// The tokens among ids [B, n] that are not padding.
struct NewTokens {
  std::vector<int64_t> sequences;
  std::vector<int64_t> tokens;
  std::vector<int64_t> slots;  // where each lies, b * n + i
};

class GrowingSequences {
 public:
  // Throws Error unless there are sequences, and 1 <= max_length <=
  // model_length.
  GrowingSequences(std::string_view operation, int64_t count,
                   int64_t max_length, int64_t model_length);

  int64_t count() const { return std::ssize(lengths_); }
  int64_t length(int64_t sequence) const;

  // Throws Error when the ids are not [count(), n].
  NewTokens tokens_of(const TensorView& ids, int64_t pad) const;

  // The rows of a step. Throws Error when a sequence is none of these or would
  // be too long, or there are not as many tokens as sequences.
  StepRows checked(const std::vector<int64_t>& sequences,
                   const std::vector<int64_t>& tokens) const;

  void grow(const StepRows& rows);

  // Throws Error, and changes nothing, when `from` is not count() of these.
  void select(const std::vector<int64_t>& from);

 private:
  std::string_view operation_;
  std::vector<int64_t> lengths_;
  int64_t max_length_;
};

// The plan of a mask for growing sequences, [batch, heads, max_length,
// max_length]. Throws Error when it lets a token see a later one, which is not
// there when the token is read.
MaskPlan growing_plan(std::string_view operation, const Mask& mask,
                      const AttentionShape& shape);

// Embedded tokens of a step, [R, E].
Tensor embedded(const TokenEmbedding& embedding,
                const std::vector<int64_t>& tokens, const StepRows& rows);

// Logits [R, V] as [B, n, V] of the ids that the tokens are from.
Tensor unpacked_logits(const Tensor& logits, const NewTokens& tokens,
                       const TensorView& ids);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_GROWING_SEQUENCES_H_
