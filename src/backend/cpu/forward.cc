#include "backend/cpu/forward.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "backend/cpu/cache_tasks.h"
#include "backend/cpu/fold_sharing.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/task_list.h"
#include "backend/cpu/worker_memory.h"
#include "backend/cpu/workers.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// A call: its tasks are taken by number, by whoever is free. Tasks: TaskList or
// CacheTasks.
template <typename Tasks>
class Call {
 public:
  Call(const ForwardProblem& problem, const PlanData& plan,
       const CpuOptions& options, int64_t threads, const Tasks& tasks)
      : problem_(problem),
        plan_(plan),
        kernels_(kernels_of(options.isa)),
        memory_(problem, plan, options.workspace, threads),
        tasks_(tasks),
        threads_(threads) {}

  void run() {
    if (tasks_.count() == 0) return;
    if (shares_folds()) {
      run_by_folds();
      return;
    }
    run_workers(std::min(threads_, tasks_.count()),
                [this](int64_t worker) { work(worker); });
  }

 private:
  // Whether tasks are fewer than threads, and have folds to share.
  bool shares_folds() const {
    if (threads_ == 1 || plan_.most_folds <= 1) return false;
    int64_t tasks = 0;
    for (int64_t i = 0; i < tasks_.count() && tasks < threads_; ++i) {
      tasks += tasks_.task(i).has_value() ? 1 : 0;
    }
    return tasks < threads_;
  }

  void run_by_folds() {
    FoldSharing sharing(problem_, plan_, kernels_, memory_, threads_);
    for (int64_t i = 0; i < tasks_.count(); ++i) {
      if (const std::optional<BlockTask> task = tasks_.task(i)) {
        sharing.add(*task);
      }
    }
    sharing.finish();
  }

  // A task by its number; some numbers have none.
  struct Numbered {
    int64_t number = -1;
    std::optional<BlockTask> task;
  };

  void work(int64_t worker) {
    const FpEnvironment environment;
    ForwardScratch scratch(problem_, plan_, memory_.scratch(worker));
    Numbered next;
    for (;;) {
      const int64_t number = next_.fetch_add(1, std::memory_order_relaxed);
      if (number >= tasks_.count()) return;
      const Numbered mine = next.number == number ? next : at(number);
      if (!mine.task) continue;
      next = after(mine);
      scratch.next = next.task ? &*next.task : nullptr;
      kernels_.forward_block(problem_, plan_, *mine.task, scratch);
    }
  }

  Numbered at(int64_t number) const { return {number, tasks_.task(number)}; }

  // What a thread probably does after that task, as where all take the same
  // time; few lanes do not ask.
  Numbered after(const Numbered& mine) const {
    const int64_t number = mine.number + threads_;
    if (mine.task->lanes() <= kWidestVector / 2 || number >= tasks_.count()) {
      return {};
    }
    return at(number);
  }

  const ForwardProblem& problem_;
  const PlanData& plan_;
  const KernelTable& kernels_;
  const WorkerMemory memory_;
  const Tasks tasks_;
  const int64_t threads_;
  std::atomic<int64_t> next_ = 0;
};

// Pairs of the call; over a cache, all that could be visible.
double pairs_of(const ForwardProblem& problem, const PlanData& plan) {
  if (!problem.paged.given()) return static_cast<double>(plan.visible_pairs);
  int64_t pairs = 0;
  for (int64_t b = 0; b < problem.shape.batch; ++b) {
    const int64_t keys = problem.paged.lengths[b];
    pairs += (keys - problem.paged.begins[b]) * keys;
  }
  return static_cast<double>(pairs * problem.shape.heads);
}

}  // namespace

int64_t forward_bytes(const ForwardProblem& problem, const PlanData& plan,
                      std::optional<int> threads) {
  return WorkerMemory::bytes_for(problem, plan, usable_threads(threads));
}

void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 const CpuOptions& options) {
  const double multiply_adds =
      pairs_of(problem, plan) *
      static_cast<double>(problem.head_dim + problem.value_dim);
  const int64_t threads = threads_for(multiply_adds, options.threads);
  if (problem.paged.given()) {
    Call(problem, plan, options, threads, CacheTasks(problem, plan)).run();
  } else {
    Call(problem, plan, options, threads, TaskList(problem, plan, threads))
        .run();
  }
}

}  // namespace maskwise::detail
