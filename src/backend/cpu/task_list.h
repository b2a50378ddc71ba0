// The tasks of a call, by number: most work first.
#ifndef MASKWISE_BACKEND_CPU_TASK_LIST_H_
#define MASKWISE_BACKEND_CPU_TASK_LIST_H_

#include <cstdint>
#include <optional>

#include "backend/cpu/block_task.h"
#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Every row block of every (batch, head), in the order of the plan's schedule.
// Makes tasks when it is asked for them; owns no memory.
class TaskList {
 public:
  TaskList(const ForwardProblem& problem, const PlanData& plan)
      : problem_(problem), plan_(plan) {}

  // Numbers of tasks: the uses of all blocks.
  int64_t count() const;

  // The task of that number. Where the rows of a block are few, heads that
  // share it and a kv head are one task: the first of them has it, and the
  // others have none.
  std::optional<BlockTask> task(int64_t number) const;

 private:
  // A stretch of slice_uses: heads next to each other that one kv head serves.
  struct HeadRun {
    int64_t begin = 0;
    int64_t end = 0;
  };
  HeadRun heads_around(const Slice& slice, int64_t use) const;

  const ForwardProblem& problem_;
  const PlanData& plan_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_TASK_LIST_H_
