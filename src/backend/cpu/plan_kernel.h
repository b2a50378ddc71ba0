// The plain kernel: one row block, walked run by run as its plan says. It
// knows no mask and counts no ordinals; which keys form a fold is the plan's.
#ifndef MASKWISE_BACKEND_CPU_PLAN_KERNEL_H_
#define MASKWISE_BACKEND_CPU_PLAN_KERNEL_H_

#include <cstdint>
#include <vector>

#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Memory of one thread: the visible keys of one fold of one row, and the sums
// over the values. Sized once.
struct KernelScratch {
  explicit KernelScratch(const ForwardProblem& problem);

  std::vector<float> scaled_query;  // [D]
  std::vector<float> scores;        // [kFoldKeys]
  std::vector<int64_t> keys;        // [kFoldKeys]
  std::vector<float> fold_sum;      // [Dv]
  std::vector<float> row_sum;       // [Dv]
};

// Computes every output of the rows of `block` for one (batch, head).
void forward_block(const ForwardProblem& problem, const PlanData& plan,
                   const RowBlock& block, int32_t batch_head,
                   KernelScratch& scratch);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_PLAN_KERNEL_H_
