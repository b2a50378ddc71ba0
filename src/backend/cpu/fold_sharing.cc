#include "backend/cpu/fold_sharing.h"

#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <atomic>

#include "backend/cpu/scratch.h"
#include "backend/cpu/workers.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

int64_t count_folds(const PlanData& plan, const RowBlock& block) {
  int64_t count = 0;
  walk_folds(plan, block, [&](const FoldSpan&) { ++count; });
  return count;
}

}  // namespace

FoldSharing::FoldSharing(const ForwardProblem& problem, const PlanData& plan,
                         const KernelTable& kernels, const WorkerMemory& memory,
                         int64_t threads)
    : problem_(problem),
      plan_(plan),
      kernels_(kernels),
      memory_(memory),
      threads_(threads),
      pool_(problem, memory.partials(), threads) {}

void FoldSharing::add(const BlockTask& task) {
  const int64_t count = count_folds(plan_, *task.block);
  if (count == 0) add(task, {}, 0, 1);
  int64_t index = 0;
  walk_folds(plan_, *task.block,
             [&](const FoldSpan& span) { add(task, span, index++, count); });
}

void FoldSharing::add(const BlockTask& task, const FoldSpan& span,
                      int64_t index, int64_t count) {
  if (count_ == static_cast<int64_t>(items_.size()) ||
      !pool_.has_room(task.lanes())) {
    finish();
  }
  items_[static_cast<size_t>(count_++)] = {.task = task,
                                           .span = span,
                                           .fold = pool_.take(task.lanes()),
                                           .is_first = index == 0,
                                           .is_last = index + 1 == count};
}

void FoldSharing::finish() {
  // The rows that are being merged lie in this thread's scratch: it must not
  // begin with another call while it waits.
  tbb::this_task_arena::isolate([&] { sum_folds(); });
  merge_folds();
  count_ = 0;
  pool_.clear();
}

void FoldSharing::sum_folds() {
  std::atomic<int64_t> next = 0;
  const auto work = [&](int64_t worker) {
    const FpEnvironment environment;
    ForwardScratch scratch(problem_, plan_, memory_.scratch(worker));
    for (;;) {
      const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
      if (i >= count_) return;
      const Item& item = items_[static_cast<size_t>(i)];
      scratch.sum_into(item.fold);
      kernels_.sum_fold(problem_, plan_, item.task, item.span, scratch);
    }
  };
  run_workers(std::min(threads_, count_), work);
}

void FoldSharing::merge_folds() {
  const FpEnvironment environment;
  ForwardScratch scratch(problem_, plan_, memory_.scratch(0));
  for (int64_t i = 0; i < count_; ++i) {
    const Item& item = items_[static_cast<size_t>(i)];
    scratch.sum_into(item.fold);
    kernels_.merge_fold(problem_, plan_, item.task,
                        {.is_first = item.is_first, .is_last = item.is_last},
                        scratch);
  }
}

}  // namespace maskwise::detail
