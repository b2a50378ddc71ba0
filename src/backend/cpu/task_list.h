// The tasks of a call, most work first.
#ifndef MASKWISE_BACKEND_CPU_TASK_LIST_H_
#define MASKWISE_BACKEND_CPU_TASK_LIST_H_

#include <cstdint>
#include <vector>

#include "backend/cpu/block_task.h"
#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Every row block of every (batch, head), in the order of the plan's schedule.
// Where the rows of a block are few, heads that share it and a kv head are one
// task.
std::vector<BlockTask> make_tasks(const ForwardProblem& problem,
                                  const PlanData& plan);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_TASK_LIST_H_
