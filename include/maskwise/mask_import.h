// Masks as other frameworks say them. Each importer carries the name of its
// framework because polarity differs; docs/masks.md has the table.
#ifndef MASKWISE_MASK_IMPORT_H_
#define MASKWISE_MASK_IMPORT_H_

#include <cstdint>
#include <optional>

#include "maskwise/mask.h"
#include "maskwise/tensor.h"

namespace maskwise {

// PyTorch nn.MultiheadAttention, key_padding_mask (src_key_padding_mask, ...):
// bool [B, Lk], true = ignore; or float of 0 and -inf.
Mask from_torch_key_padding(const MaskTensor& tensor);

// PyTorch nn.MultiheadAttention, attn_mask (src_mask, tgt_mask): bool
// [Lq, Lk] or [B*H, Lq, Lk], true = masked; or float of 0 and -inf.
Mask from_torch_attn_mask(const MaskTensor& tensor);

// PyTorch scaled_dot_product_attention, attn_mask: the same argument name with
// the opposite polarity. bool, broadcast to [B, H, Lq, Lk], true = may
// attend; or float of 0 and -inf.
Mask from_torch_sdpa_mask(const MaskTensor& tensor);

// The TensorFlow Transformer tutorial of 2019: floats where 1.0 = masked, as
// create_padding_mask (B,1,1,L), create_look_ahead_mask (L,L) and their
// maximum (B,1,L,L) make them. Other values than 0 and 1 are refused.
Mask from_tf_tutorial(const MaskTensor& tensor);

// An additive mask, broadcast to [B, H, Lq, Lk]: -inf = masked, 0 = may
// attend. A large finite value such as -1e9 or finfo.min is refused with an
// explanation, and so is any other value: that is a bias (see attention.h).
Mask from_additive(const MaskTensor& tensor);

// ONNX Attention (opset 23 to 25), attn_mask: bool (true = may attend) or
// float of 0 and -inf, broadcast to [B, H, Lq, Lk]; a last axis shorter than
// Lk masks the keys beyond it. from_onnx_attention reads the other inputs, and
// floats that are a bias.
Mask from_onnx(const MaskTensor& attn_mask);

// What ONNX Attention is told of who may attend to whom, by its own names.
struct OnnxAttention {
  // bool (or u8 of 0 and 1), true = may attend; or a float that is added to
  // the score: -inf masks, and every other value is a bias, -1e9 too.
  std::optional<MaskTensor> attn_mask = {};
  bool is_causal = false;
  int64_t left_window_size = -1;  // -1 = unlimited
  int64_t right_window_size = -1;
  int64_t past_sequence_length = 0;  // the keys of past_key
  std::optional<PerBatch> nonpad_kv_seqlen = {};
};

struct OnnxMask {
  Mask mask;
  Tensor bias;  // f32, broadcasts to [B, H, Lq, Lk]; not defined if all are 0
};

// The mask and the bias for attention() that mean what `said` means, for
// scores of `shape` (kv_len counts the keys of past_key too). Query 0 stands
// at key past_sequence_length, or nonpad_kv_seqlen - Lq where that is given,
// or 0; the mask is made of the words causal, sliding_window, lengths and
// from_onnx. The bias holds no -inf. Throws Error when both a past and
// nonpad_kv_seqlen are given, a window is below -1, or attn_mask does not fit.
// Source: https://onnx.ai/onnx/operators/onnx__Attention.html
OnnxMask from_onnx_attention(const OnnxAttention& said,
                             const AttentionShape& shape);

}  // namespace maskwise

#endif  // MASKWISE_MASK_IMPORT_H_
