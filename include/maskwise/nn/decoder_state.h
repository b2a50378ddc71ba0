// What a Decoder has read: sequences that grow token by token.
#ifndef MASKWISE_NN_DECODER_STATE_H_
#define MASKWISE_NN_DECODER_STATE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/nn/decoder.h"
#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

namespace detail {
struct DecoderStateData;
}  // namespace detail

// The sequences of a batch under a mask, with the keys and values of every
// layer. Logits have the bits of Decoder::forward() over whole sequences,
// whatever the steps and the batch. Nothing is dropped. For one thread at a
// time; the model must outlive it and not change.
class DecoderState {
 public:
  // The mask is bound once, to [batch, H, max_length, max_length], by positions
  // in the sequences without their padding: causal(), perhaps with a window.
  // Throws Error when max_length is above the model's, or the mask does not
  // fit.
  DecoderState(const Decoder& model, const Mask& mask, int64_t batch,
               int64_t max_length);
  DecoderState(DecoderState&&) noexcept;
  DecoderState& operator=(DecoderState&&) noexcept;
  ~DecoderState();

  int64_t batch() const;
  // Tokens that a sequence has.
  int64_t length(int64_t sequence) const;

  // Appends to each sequence those of its ids [B, n] that are not padding,
  // wherever padding stands. Returns logits [B, n, V] of the token after each,
  // zeros at padding. Throws Error, and appends nothing, when the ids do not
  // fit or a sequence would be longer than max_length.
  Tensor append(const TensorView& ids, const Compute& compute = {});

  // The same for some sequences: tokens[i] is appended to sequences[i]. Returns
  // logits [R, V]. The other sequences cost nothing.
  Tensor append(const std::vector<int64_t>& sequences,
                const std::vector<int64_t>& tokens,
                const Compute& compute = {});

  // Sequence i continues what sequence from[i] was.
  void select(const std::vector<int64_t>& from);

 private:
  std::unique_ptr<detail::DecoderStateData> data_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_DECODER_STATE_H_
