// Exact masked attention, backward.
#ifndef MASKWISE_ATTENTION_BACKWARD_H_
#define MASKWISE_ATTENTION_BACKWARD_H_

#include "maskwise/attention.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

// What attention_backward() takes and returns beyond d_o, dq, dk and dv.
struct GradientOptions {
  TensorView d_lse = {};  // [B, H, Lq], gradient of lse; not defined = 0
  bool dbias = false;     // also return the gradient of the bias
};

// Each has the shape and the type of what it is the gradient of.
struct AttentionGradients {
  Tensor dq;
  Tensor dk;
  Tensor dv;
  Tensor dbias;  // when asked for: summed over the axes that are broadcast
};

// Gradients of a loss with respect to q, k, v and, when asked for, the bias,
// given d_o, its gradient with respect to o.
//
// q, k, v, plan and options are those of the attention() call that returned
// `forward`, of which o, m and l are read. d_o: [B, H, Lq, Dv] (or the blhd
// order), f32, f16 or bf16 with any strides.
//
// What is masked is absent here, too: a masked pair adds nothing to any
// gradient, whatever k, v, the bias or d_o hold there; a row that sees no key
// has dq = 0, and a key that no row sees dk = dv = 0. Deleting either changes
// no bit of the others, nor do threads, ISA and backend: every sum is a chain
// in the order that docs/numerics.md fixes. options.weights, scores and
// pair_rows are not looked at.
//
// A row whose scores hold a NaN has a NaN dq, and so have dk and dv of the keys
// that it sees. Throws Error when shapes or types do not fit, or dbias is asked
// for without a bias. Cost: 6 * D + 4 * Dv flops for each walked pair;
// (batch, kv head) is the unit of parallel work. Scratch: where D or Dv is no
// multiple of 16, or heads share kv heads, 4 * (D + Dv) bytes for each key and
// thread. Formula: Dao et al. 2022 (FlashAttention),
// appendix B.2; https://arxiv.org/abs/2205.14135.
//
// More than 6 parameters because the forward call is said again.
AttentionGradients attention_backward(const TensorView& q, const TensorView& k,
                                      const TensorView& v, const MaskPlan& plan,
                                      const AttentionResult& forward,
                                      const TensorView& d_o,
                                      const AttentionOptions& options = {},
                                      const GradientOptions& gradients = {});

}  // namespace maskwise

#endif  // MASKWISE_ATTENTION_BACKWARD_H_
