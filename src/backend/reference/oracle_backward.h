// What the gradients of attention are, in float64 with plain loops, and how far
// correct f32 kernels may be from them. It judges accuracy;
// contract_backward.h judges bits.
#ifndef MASKWISE_BACKEND_REFERENCE_ORACLE_BACKWARD_H_
#define MASKWISE_BACKEND_REFERENCE_ORACLE_BACKWARD_H_

#include <vector>

#include "backend/backward_problem.h"

namespace maskwise::detail {

// Dense and row-major. `gate` bounds |f32 - value| for each element:
//   u * [16 (1 + S) + N] * A + flushed          (docs/numerics.md derives it)
// with u = 2^-24, S the largest |scale| * sum_d |q_d k_jd| + |bias_j| of the
// rows that the element sums over, and A its sum with every term absolute:
// |w| for dv, and for the others |ds_j| replaced by
//   w_j * (sum_d |dO_d v_jd| + sum_d |dO_d| sum_i w_i |v_id| + |d_lse|),
// times 1 + tanh^2 under a softcap in dq and dk. N is the longest chain: of a
// row C = max(min(n, 1024) + ceil(n / 1024), D, Dv) with n visible keys, and
//   dq:     C of its row
//   dk, dv: the larger of C of the rows that see the key, and the most queries
//           of one head that see it + the heads of the group
//   dbias:  the larger of C of the rows it sums over, and the most pairs of one
//           (batch, head) + the (batch, head) that are summed.
// `flushed` is what weights below 2^-126 may take, and those of o.
struct OracleGradient {
  std::vector<double> value;
  std::vector<double> gate;
};

struct OracleGradients {
  OracleGradient dq;  // [B, H, Lq, D]
  OracleGradient dk;  // [B, Hkv, Lk, D]
  OracleGradient dv;  // [B, Hkv, Lk, Dv]
  // [B, H, Lq, Lk], 1 instead of each axis in which problem.dbias has stride 0;
  // empty where it is not given.
  OracleGradient dbias;
};

// Inputs of the forward call, d_o and d_lse as in the problem; what the forward
// call stored is not read, and nothing is written. Finite inputs only.
OracleGradients oracle_backward(const BackwardProblem& problem,
                                const Visibility& visible);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_ORACLE_BACKWARD_H_
