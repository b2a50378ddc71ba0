// Runs a product of matrices over the threads.
#ifndef MASKWISE_BACKEND_CPU_MATMUL_H_
#define MASKWISE_BACKEND_CPU_MATMUL_H_

#include <optional>

#include "backend/matmul_problem.h"
#include "maskwise/device.h"

namespace maskwise::detail {

// Fills c. A task owns its elements; neither isa nor threads change a bit. Runs
// under the caller's FpEnvironment and that of each thread.
void cpu_matmul(const MatmulProblem& problem, Isa isa,
                std::optional<int> threads);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_MATMUL_H_
