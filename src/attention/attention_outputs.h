// The tensors that a call returns.
#ifndef MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_
#define MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_

#include "backend/forward_problem.h"
#include "maskwise/attention.h"

namespace maskwise::detail {

// Makes every output of the call and shows it to the backend. All rows are as
// if they saw no key.
AttentionResult make_outputs(ForwardProblem& problem,
                             const AttentionOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_ATTENTION_OUTPUTS_H_
