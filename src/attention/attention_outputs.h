// The outputs of a call: tensors that it makes, or memory of the caller.
#ifndef MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_
#define MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "attention/output_memory.h"
#include "backend/forward_problem.h"
#include "maskwise/attention.h"

namespace maskwise::detail {

// Makes every output of the call, o in the type of the problem's q (f32 where
// the problem is partial), and shows it to the backend, which writes all rows.
AttentionResult make_outputs(ForwardProblem& problem,
                             const AttentionOptions& options);

// Shows the caller's outputs to the backend. Throws Error that names the one
// that does not fit or that shares memory with another or with an input, and
// when the workspace has fewer than `workspace_bytes`. Allocates nothing.
void check_target(const AttentionTarget& target,
                  std::span<const NamedView> inputs,
                  const AttentionOptions& options, int64_t workspace_bytes,
                  ForwardProblem& problem);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_
