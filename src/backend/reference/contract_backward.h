// The backward half of the row contract, written as it is defined: scalar f32
// over the compacted list of the keys that a row sees. Slow; every kernel must
// equal it bit for bit. It knows neither masks nor plans.
#ifndef MASKWISE_BACKEND_REFERENCE_CONTRACT_BACKWARD_H_
#define MASKWISE_BACKEND_REFERENCE_CONTRACT_BACKWARD_H_

#include "backend/backward_problem.h"

namespace maskwise::detail {

// Fills every gradient of the problem, whose tensors are all f32. Runs on the
// caller's thread.
void contract_backward(const BackwardProblem& problem,
                       const Visibility& visible);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_CONTRACT_BACKWARD_H_
