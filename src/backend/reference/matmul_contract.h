// What a product of matrices is, bit for bit: the chains of
// backend/matmul_problem.h as scalar loops.
#ifndef MASKWISE_BACKEND_REFERENCE_MATMUL_CONTRACT_H_
#define MASKWISE_BACKEND_REFERENCE_MATMUL_CONTRACT_H_

#include "backend/matmul_problem.h"

namespace maskwise::detail {

// Fills c. Runs on the caller's thread.
void contract_matmul(const MatmulProblem& problem);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_MATMUL_CONTRACT_H_
