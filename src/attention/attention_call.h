// From the arguments of a call to a backend that runs it: what the public calls
// over k and v share.
#ifndef MASKWISE_ATTENTION_ATTENTION_CALL_H_
#define MASKWISE_ATTENTION_ATTENTION_CALL_H_

#include "attention/attention_checks.h"
#include "backend/backward_problem.h"
#include "backend/cpu/forward.h"
#include "backend/forward_problem.h"
#include "maskwise/attention.h"
#include "maskwise/mask_plan.h"

namespace maskwise::detail {

// What the backend of the options reads. Throws Error as check_attention().
AttentionInputs check_call(const TensorView& q, const TensorView& k,
                           const TensorView& v, const MaskPlan& plan,
                           const AttentionOptions& options);

// Fills the outputs of a checked problem on the backend of the options; `where`
// is for the kernels. A bias of -inf removes its pair, as the mask does.
void run_forward(const ForwardProblem& problem, const MaskPlan& plan,
                 const AttentionOptions& options, const CpuOptions& where);

// The same for the gradients of a checked backward problem.
void run_backward(const BackwardProblem& problem, const MaskPlan& plan,
                  const AttentionOptions& options, const CpuOptions& where);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_ATTENTION_CALL_H_
