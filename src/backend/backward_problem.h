// One backward call as backends see it: the forward call, what it stored, and
// the gradients that come in and go out.
#ifndef MASKWISE_BACKEND_BACKWARD_PROBLEM_H_
#define MASKWISE_BACKEND_BACKWARD_PROBLEM_H_

#include "backend/forward_problem.h"

namespace maskwise::detail {

struct BackwardProblem {
  ForwardProblem forward;  // its inputs and options; none of its outputs

  Input o;      // [B, H, Lq, Dv], as the forward call stored it
  Input m;      // f32 [B, H, Lq], as is l
  Input l;      // f32
  Input d_o;    // [B, H, Lq, Dv]
  Input d_lse;  // f32 [B, H, Lq]; not given: 0

  // All f32 and zeros before, no element twice, their last stride 1.
  Output dq;  // [B, H, Lq, D]
  Output dk;  // [B, Hkv, Lk, D]
  Output dv;  // [B, Hkv, Lk, Dv]
  // [B, H, Lq, Lk], stride 0 where the bias is repeated; sums after, which the
  // caller brings into the form of what is stored. Not given: not asked for.
  Output dbias;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_BACKWARD_PROBLEM_H_
