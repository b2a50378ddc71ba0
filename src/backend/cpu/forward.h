// Runs the kernels of a plan over the threads.
#ifndef MASKWISE_BACKEND_CPU_FORWARD_H_
#define MASKWISE_BACKEND_CPU_FORWARD_H_

#include <optional>

#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Fills every output of the problem. A task is one row block of one
// (batch, head) and owns its rows of the outputs, so threads change no bit.
// `threads`: at most that many, and no more than oneTBB offers to the process;
// not given: all of them.
void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 std::optional<int> threads);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_FORWARD_H_
