// Calls of attention and its backward pass for a few rows: what
// verify_gradients() is made of.
#ifndef MASKWISE_INSPECT_VERIFY_LOSS_CALL_H_
#define MASKWISE_INSPECT_VERIFY_LOSS_CALL_H_

#include <cstdint>
#include <vector>

#include "backend/forward_problem.h"
#include "inspect/verify_rows.h"
#include "maskwise/attention_backward.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

// A forward call, and what comes back to it.
struct LossProblem {
  const ForwardProblem& forward;
  Input d_o;    // f32 [B, H, Lq, Dv]
  Input d_lse;  // f32 [B, H, Lq]; not given: 0
};

// A call for some rows and some keys of one batch item, without k and v.
struct LossCall {
  RowsCall rows;  // [1, heads, rows, ..], or [6, ..] once poisoned
  Tensor d_o;     // [1, heads, rows, Dv]
  Tensor d_lse;   // [1, heads, rows]; not defined: 0

  GradientOptions gradients() const {
    return {.d_lse = d_lse, .dbias = rows.bias.defined()};
  }
};

// As cut_call().
LossCall cut_loss_call(const LossProblem& problem, const RowGroup& group,
                       const std::vector<int64_t>& keys, Backend backend,
                       int64_t heads = 1);

// The call once for each kind of poison, with q, d_o and d_lse of the rows that
// are not flagged (heads outermost) overwritten. The bias stays as it is.
LossCall with_poisoned_rows(const LossCall& call,
                            const std::vector<uint8_t>& seen);

// o, m and l of some rows, which is what a backward call reads of `whole`.
AttentionResult cut_result(const AttentionResult& whole, const RowGroup& group,
                           int64_t heads);

// The same for each kind of poison, as above.
AttentionResult with_poisoned_rows(const AttentionResult& result,
                                   const std::vector<uint8_t>& seen);

// An f32 tensor of at most four axes as backends see it; nothing as nothing.
Input input_of(const TensorView& view);

// Numbers from -1 to 1, the same for every call of a shape.
Tensor pseudo_random(const Shape& shape);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_LOSS_CALL_H_
