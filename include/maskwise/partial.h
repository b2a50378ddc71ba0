// Attention to a part of the keys, and how parts become one result: where the
// keys lie on several machines, in several files, or come one after another.
#ifndef MASKWISE_PARTIAL_H_
#define MASKWISE_PARTIAL_H_

#include "maskwise/attention.h"
#include "maskwise/dtype.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

// What the rows of a call sum up over some of their keys. Plain numbers: they
// may be stored, sent, and put together again. A row without keys has a = 0,
// m = -FLT_MAX and l = 0; one with a NaN score is NaN in all three. A copy
// shares its tensors with the original, as tensors do.
struct PartialAttention {
  Tensor a;  // f32 [B, H, Lq, Dv], or [B, Lq, H, Dv] for blhd: the sum of
             // exp(score - m) * v, not divided by l
  Tensor m;  // f32 [B, H, Lq]: the row's largest score
  Tensor l;  // f32 [B, H, Lq]: sum of exp(score - m)
  Layout layout = Layout::bhld;  // of a
};

// attention() without its last step, the division by l. Arguments, errors and
// cost are those of attention(); a is f32 whatever q is.
//
// A part of the keys is said in one of two ways: k and v hold only these keys,
// and the mask is worded for them (causal({.offset = -begin}), and ALiBi's
// kv_positions begin at `begin`); or k and v hold all, and the mask names the
// part (mask & prefix(end) & ~prefix(begin)), which costs nothing for the rest.
//
// Weights and scores are refused: weights need the sum of the whole row, and
// scores are those of attention() over the same keys.
PartialAttention attention_partial(const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options = {});

// Takes the sums over later keys into `into`: row by row the merge of two folds
// of the row contract (docs/numerics.md),
//   m' = max(m, later.m), A = exp(m - m'), B = exp(later.m - m'),
//   l = l A + later.l B, a = a A + later.a B, m = m'.
// Rows that see nothing in one of the two keep the bits of the other, and a
// NaN row stays NaN. `into` and `later` may be the same.
//
// The bits are those of one call over all keys if parts are merged in the order
// of their keys and, of each row, every part but the last that it sees
// something in holds a multiple of 1024 of its visible keys, and every part but
// the first at most 1024. Otherwise this is exact attention up to rounding, and
// the bits depend on the parts and on the order of merging.
//
// Throws Error when the two do not fit. Runs on the caller's thread; 2 * Dv
// flops and one pass over both for each row.
void merge(PartialAttention& into, const PartialAttention& later);

// Divides: o in the type that is asked for (f32, f16 or bf16) and in the
// partial's layout, lse, m and l, as attention() returns them. No weights, no
// scores. Throws Error for other types.
AttentionResult finish(const PartialAttention& partial,
                       DType o_type = DType::f32);

}  // namespace maskwise

#endif  // MASKWISE_PARTIAL_H_
