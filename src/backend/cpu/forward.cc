#include "backend/cpu/forward.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/enumerable_thread_specific.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <vector>

#include "backend/cpu/plan_kernel.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Below this many multiply-adds a call is over before threads have woken up.
constexpr double kSmallCall = 20000;

// The tasks of a call, numbered: block i of the schedule is tasks
// [first_task[i], first_task[i + 1]), one for each (batch, head) that has it.
class TaskList {
 public:
  explicit TaskList(const PlanData& plan) : plan_(plan) {
    first_task_.push_back(0);
    for (const int32_t block : plan.schedule) {
      first_task_.push_back(first_task_.back() + slice_of(block).use_count);
    }
  }

  int64_t count() const { return first_task_.back(); }

  void run(int64_t task, const ForwardProblem& problem,
           KernelScratch& scratch) const {
    const auto after = std::ranges::upper_bound(first_task_, task);
    const auto position = after - first_task_.begin() - 1;
    const int32_t block = plan_.schedule[static_cast<size_t>(position)];
    const int64_t use = slice_of(block).first_use + task -
                        first_task_[static_cast<size_t>(position)];
    forward_block(problem, plan_, plan_.blocks[static_cast<size_t>(block)],
                  plan_.slice_uses[static_cast<size_t>(use)], scratch);
  }

 private:
  const Slice& slice_of(int32_t block) const {
    return plan_.slices[static_cast<size_t>(
        plan_.slice_of_block[static_cast<size_t>(block)])];
  }

  const PlanData& plan_;
  std::vector<int64_t> first_task_;
};

double multiply_adds(const ForwardProblem& problem, const PlanData& plan) {
  double pairs = 0;
  for (const Slice& slice : plan.slices) {
    for (int64_t b = 0; b < slice.block_count; ++b) {
      const auto& block =
          plan.blocks[static_cast<size_t>(slice.first_block + b)];
      pairs += static_cast<double>(block.visible_pairs) *
               static_cast<double>(slice.use_count);
    }
  }
  return pairs * static_cast<double>(problem.head_dim + problem.value_dim);
}

void run_serial(const TaskList& tasks, const ForwardProblem& problem) {
  const FpEnvironment environment;
  KernelScratch scratch(problem);
  for (int64_t task = 0; task < tasks.count(); ++task) {
    tasks.run(task, problem, scratch);
  }
}

void run_parallel(const TaskList& tasks, const ForwardProblem& problem) {
  tbb::enumerable_thread_specific<KernelScratch> scratch(
      [&] { return KernelScratch(problem); });
  // One task at a time, in schedule order: the longest first.
  tbb::parallel_for(
      tbb::blocked_range<int64_t>(0, tasks.count(), 1),
      [&](const tbb::blocked_range<int64_t>& range) {
        const FpEnvironment environment;
        KernelScratch& mine = scratch.local();
        for (int64_t task = range.begin(); task < range.end(); ++task) {
          tasks.run(task, problem, mine);
        }
      },
      tbb::simple_partitioner());
}

// As many as asked for of those that the process may use: oneTBB would print
// a warning about the others. Raising that limit here would raise it for, or
// be refused by, everybody else in the process.
int usable_threads(std::optional<int> asked) {
  const auto most = static_cast<int>(tbb::global_control::active_value(
      tbb::global_control::max_allowed_parallelism));
  return std::min(asked.value_or(most), most);
}

}  // namespace

void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 std::optional<int> threads) {
  const TaskList tasks(plan);
  const int usable = usable_threads(threads);
  if (usable == 1 || tasks.count() <= 1 ||
      multiply_adds(problem, plan) < kSmallCall) {
    run_serial(tasks, problem);
    return;
  }
  if (!threads) {
    run_parallel(tasks, problem);
    return;
  }
  tbb::task_arena arena(usable);
  arena.execute([&] { run_parallel(tasks, problem); });
}

}  // namespace maskwise::detail
