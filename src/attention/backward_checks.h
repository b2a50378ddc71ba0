// Checks what a backward call takes beyond its forward call's arguments, and
// makes the gradients that it returns.
#ifndef MASKWISE_ATTENTION_BACKWARD_CHECKS_H_
#define MASKWISE_ATTENTION_BACKWARD_CHECKS_H_

#include <list>

#include "attention/attention_checks.h"
#include "backend/backward_problem.h"
#include "maskwise/attention_backward.h"

namespace maskwise::detail {

// The inputs of one backward call, checked, and the f32 copies that it had to
// make.
struct BackwardInputs {
  BackwardProblem problem;   // inputs set, gradients not
  std::list<Tensor> copies;  // inputs as f32 that had another type
};

// `forward` is what check_attention() made of the forward call's arguments.
// Throws Error that names the argument, what was found and what was expected.
BackwardInputs check_backward(AttentionInputs forward,
                              const AttentionResult& result,
                              const TensorView& d_o,
                              const AttentionOptions& options,
                              const GradientOptions& gradients);

// f32 tensors for all gradients of the call, shown to the backend.
AttentionGradients make_gradients(BackwardProblem& problem,
                                  const AttentionOptions& options,
                                  const GradientOptions& gradients);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_BACKWARD_CHECKS_H_
