// Runs the backward kernels of a plan over the threads.
#ifndef MASKWISE_BACKEND_CPU_BACKWARD_H_
#define MASKWISE_BACKEND_CPU_BACKWARD_H_

#include "backend/backward_problem.h"
#include "backend/cpu/forward.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Fills every gradient of the problem. A task owns the rows of dk and dv of a
// (batch, kv head), and dq of its query heads.
void cpu_backward(const BackwardProblem& problem, const PlanData& plan,
                  const CpuOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_BACKWARD_H_
