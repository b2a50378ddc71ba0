// Masks as other frameworks say them. Each importer carries the name of its
// framework because polarity differs; docs/masks.md has the table.
#ifndef MASKWISE_MASK_IMPORT_H_
#define MASKWISE_MASK_IMPORT_H_

#include "maskwise/mask.h"

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
// Lk masks the keys beyond it. is_causal, windows and nonpad_kv_seqlen are
// words: causal(align=...), sliding_window(...), lengths(...).
Mask from_onnx(const MaskTensor& attn_mask);

}  // namespace maskwise

#endif  // MASKWISE_MASK_IMPORT_H_
