// What attention is, in float64 with plain loops, and how far a correct f32
// kernel may be from it. It judges accuracy; contract.h judges bits.
#ifndef MASKWISE_BACKEND_REFERENCE_ORACLE_H_
#define MASKWISE_BACKEND_REFERENCE_ORACLE_H_

#include <vector>

#include "backend/forward_problem.h"

namespace maskwise::detail {

// Dense row-major results. `gate` bounds |o_f32 - o| for each element of o:
//   u * [4 (1 + S) + min(n, 1024) + ceil(n / 1024)] * sum_j w_j |v_j|
//     + u |o| + n 2^-126 max_j |v_j|
// with u = 2^-24, n visible keys, w the weights and S the row's largest
// |scale| * sum_d |q_d k_jd| + |bias_j| (docs/numerics.md derives it).
struct OracleResult {
  std::vector<double> o;     // [B, H, Lq, Dv]
  std::vector<double> gate;  // [B, H, Lq, Dv]
  std::vector<double> lse;   // [B, H, Lq]
};

// Inputs as in the problem; its outputs are not touched. Finite inputs only.
OracleResult oracle_forward(const ForwardProblem& problem,
                            const Visibility& visible);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_ORACLE_H_
