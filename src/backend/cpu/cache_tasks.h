// The tasks of a call over a cache, by number.
#ifndef MASKWISE_BACKEND_CPU_CACHE_TASKS_H_
#define MASKWISE_BACKEND_CPU_CACHE_TASKS_H_

#include <cstdint>
#include <optional>

#include "backend/cpu/block_task.h"
#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// The rows of the newest tokens of each sequence, cut at the plan's blocks; as
// in a TaskList, heads are stacked where rows are few. Owns no memory.
class CacheTasks {
 public:
  CacheTasks(const ForwardProblem& problem, const PlanData& plan)
      : problem_(problem), plan_(plan) {}

  int64_t count() const;
  std::optional<BlockTask> task(int64_t number) const;

 private:
  int64_t blocks_of_a_head() const;

  const ForwardProblem& problem_;
  const PlanData& plan_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_CACHE_TASKS_H_
