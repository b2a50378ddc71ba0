// What a Transformer has read and written: targets that grow token by token
// beside a memory that is computed once.
#ifndef MASKWISE_NN_TRANSFORMER_STATE_H_
#define MASKWISE_NN_TRANSFORMER_STATE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "maskwise/nn/module.h"
#include "maskwise/nn/token_batch.h"
#include "maskwise/nn/transformer.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

namespace detail {
struct TransformerStateData;
}  // namespace detail

struct TransformerStateOptions {
  int64_t targets = 1;     // of each source, such as the hypotheses of a beam
  int64_t max_length = 0;  // of a target
};

// Targets of a batch of sources: sequence s is a target of source s / targets.
// Logits have the bits of Transformer::forward() over whole targets, whatever
// the steps and the batch. Nothing is dropped. For one thread at a time; the
// model must outlive it and not change.
class TransformerState {
 public:
  // masks.encoder is bound to [B, H, Ls, Ls], masks.decoder, once, to
  // [B * targets, H, max_length, max_length], masks.cross to
  // [B, H, targets * n, Ls] for steps of n tokens, so it must not depend on the
  // query. Throws Error when something does not fit.
  TransformerState(const Transformer& model, const TokenBatch& source,
                   const TransformerMasks& masks,
                   const TransformerStateOptions& options,
                   const Compute& compute = {});
  TransformerState(TransformerState&&) noexcept;
  TransformerState& operator=(TransformerState&&) noexcept;
  ~TransformerState();

  int64_t batch() const;  // sequences: B * targets
  // Tokens that a sequence has.
  int64_t length(int64_t sequence) const;
  const Tensor& memory() const;  // [B, Ls, E]

  // As DecoderState: ids [B * targets, n] -> logits [B * targets, n, V].
  Tensor append(const TensorView& ids, const Compute& compute = {});
  Tensor append(const std::vector<int64_t>& sequences,
                const std::vector<int64_t>& tokens,
                const Compute& compute = {});

  // Sequence i continues what sequence from[i], of the same source, was.
  void select(const std::vector<int64_t>& from);

 private:
  std::unique_ptr<detail::TransformerStateData> data_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TRANSFORMER_STATE_H_
