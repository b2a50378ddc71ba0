// The row contract, written as it is defined: scalar f32 over the compacted
// list of the keys that a row sees. Slow; every kernel must equal it bit for
// bit. It knows neither masks nor plans.
#ifndef MASKWISE_BACKEND_REFERENCE_CONTRACT_H_
#define MASKWISE_BACKEND_REFERENCE_CONTRACT_H_

#include "backend/forward_problem.h"

namespace maskwise::detail {

// Fills every output of the problem. Runs on the caller's thread.
void contract_forward(const ForwardProblem& problem, const Visibility& visible);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_CONTRACT_H_
