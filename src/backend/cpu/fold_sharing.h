// Calls of fewer tasks than threads: the threads share the folds of the tasks.
#ifndef MASKWISE_BACKEND_CPU_FOLD_SHARING_H_
#define MASKWISE_BACKEND_CPU_FOLD_SHARING_H_

#include <array>
#include <cstdint>

#include "backend/cpu/block_task.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/partial_fold.h"
#include "backend/cpu/worker_memory.h"
#include "backend/forward_problem.h"
#include "plan/plan_data.h"
#include "plan/plan_walk.h"

namespace maskwise::detail {

// Folds are summed in any order by whoever is free, and merged in theirs by the
// caller's thread: the same bits as one thread gives. Takes the tasks one after
// another and works in rounds, as many folds as the memory for partial sums
// holds at a time.
class FoldSharing {
 public:
  FoldSharing(const ForwardProblem& problem, const PlanData& plan,
              const KernelTable& kernels, const WorkerMemory& memory,
              int64_t threads);

  void add(const BlockTask& task);
  // What was added is done.
  void finish();

 private:
  struct Item {
    BlockTask task;
    FoldSpan span;
    PartialFold fold;
    bool is_first = false;  // of its task
    bool is_last = false;
  };

  void add(const BlockTask& task, const FoldSpan& span, int64_t index,
           int64_t count);
  void sum_folds();
  void merge_folds();

  const ForwardProblem& problem_;
  const PlanData& plan_;
  const KernelTable& kernels_;
  const WorkerMemory& memory_;
  const int64_t threads_;
  std::array<Item, 128> items_;  // of the round
  int64_t count_ = 0;
  PartialFoldPool pool_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_FOLD_SHARING_H_
