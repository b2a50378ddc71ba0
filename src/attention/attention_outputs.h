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
// the problem is partial), and shows it to the backend. All rows are as if they
// saw no key.
AttentionResult make_outputs(ForwardProblem& problem,
                             const AttentionOptions& options);

// Shows the caller's outputs to the backend. Throws Error that names the one
// that does not fit. Allocates nothing.
void check_outputs(const AttentionTarget& target,
                   const AttentionOptions& options, ForwardProblem& problem);

// Throws Error when elements of the caller's outputs share memory with each
// other or with an input.
void check_target_memory(const AttentionTarget& target,
                         std::span<const NamedView> inputs);

// Throws Error when the caller's workspace has fewer than `needed` bytes.
void check_workspace(std::span<const std::byte> workspace, int64_t needed);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_
