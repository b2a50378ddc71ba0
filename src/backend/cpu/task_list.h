// The tasks of a call, by number: most work first.
#ifndef MASKWISE_BACKEND_CPU_TASK_LIST_H_
#define MASKWISE_BACKEND_CPU_TASK_LIST_H_

#include <cstdint>
#include <optional>

#include "backend/cpu/block_task.h"
#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Stacks the heads from task.first_head on that share its slice and kv head,
// as many as its rows leave lanes for. False when the task of an earlier head
// has it. Rows and batch are set.
bool stack_heads(const ForwardProblem& problem, const PlanData& plan,
                 BlockTask& task);

// Every row block of every (batch, head): heads one after the other, so that
// their keys and values stay in the caches, and as many together as give every
// thread some blocks; most work first. Makes tasks when it is asked for them;
// owns no memory.
class TaskList {
 public:
  TaskList(const ForwardProblem& problem, const PlanData& plan, int64_t threads)
      : problem_(problem), plan_(plan), threads_(threads) {}

  // Numbers of tasks: the uses of all blocks.
  int64_t count() const;

  // The task of that number. Where the rows of a block are few, heads that
  // share it and a kv head are one task: the first of them has it, and the
  // others have none.
  std::optional<BlockTask> task(int64_t number) const;

 private:
  // A block of a slice, in the order of its schedule, and a use.
  struct Turn {
    int64_t block = 0;
    int64_t use = 0;
  };
  Turn turn_of(const Slice& slice, int64_t nth) const;

  const ForwardProblem& problem_;
  const PlanData& plan_;
  const int64_t threads_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_TASK_LIST_H_
