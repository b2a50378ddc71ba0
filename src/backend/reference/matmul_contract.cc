#include "backend/reference/matmul_contract.h"

#include <cmath>

#include "base/fp_environment.h"

namespace maskwise::detail {

void contract_matmul(const MatmulProblem& problem) {
  const FpEnvironment environment;
  for (int64_t i = 0; i < problem.rows; ++i) {
    for (int64_t j = 0; j < problem.columns; ++j) {
      float sum = 0;
      for (int64_t k = 0; k < problem.depth; ++k) {
        sum = std::fma(*problem.a.at(i, k), *problem.b.at(k, j), sum);
      }
      float& c = problem.c[i * problem.c_row + j];
      c = problem.adds ? c + sum : sum;
      if (problem.bias != nullptr) c = c + problem.bias[j];
    }
  }
}

}  // namespace maskwise::detail
