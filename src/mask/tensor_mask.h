// The words whose pairs stand in a boolean tensor.
#ifndef MASKWISE_MASK_TENSOR_MASK_H_
#define MASKWISE_MASK_TENSOR_MASK_H_

#include "mask/boolean_word.h"
#include "maskwise/mask.h"

namespace maskwise::detail {

// How a word reads its tensor.
enum class TensorForm {
  allow,                 // true = may attend
  forbid,                // true = masked
  from_onnx,             // as allow; keys beyond the last axis are masked
  from_torch_attn_mask,  // as forbid; three axes are [B*H, Lq, Lk]
  blocks,                // as allow; one element for a square of pairs
};

// `booleans` is a bool Tensor; `clause` is what messages call the word, which
// may be an importer's name; `cell` is the side of the squares (1 but for
// blocks).
Mask make_tensor_mask(TensorForm form, const MaskTensor& booleans,
                      const WrittenClause& clause, int64_t cell = 1);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_TENSOR_MASK_H_
