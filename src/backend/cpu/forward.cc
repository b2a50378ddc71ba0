#include "backend/cpu/forward.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/task_list.h"
#include "base/aligned_buffer.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Below this many multiply-adds a call is over before threads have woken up.
constexpr double kSmallCall = 20000;

const KernelTable& kernels_of(Isa isa) {
  if (isa == Isa::avx512) return avx512::kernels();
  return isa == Isa::avx2 ? avx2::kernels() : scalar::kernels();
}

double multiply_adds(const ForwardProblem& problem,
                     const std::vector<BlockTask>& tasks) {
  double pairs = 0;
  for (const BlockTask& task : tasks) {
    pairs += static_cast<double>(task.block->visible_pairs) * task.heads;
  }
  return pairs * static_cast<double>(problem.head_dim + problem.value_dim);
}

// This thread's scratch: made once, and kept for later calls while it is large
// enough.
ForwardScratch thread_scratch(const ForwardProblem& problem,
                              const PlanData& plan) {
  thread_local std::shared_ptr<void> memory;
  thread_local int64_t size = 0;
  const int64_t needed = ForwardScratch::bytes_for(problem, plan);
  if (needed > size) {
    memory = make_aligned_buffer(needed);
    size = needed;
  }
  return {problem, plan, memory.get()};
}

// A call: what every task of it needs.
struct Call {
  const ForwardProblem& problem;
  const PlanData& plan;
  const KernelTable& kernels;
  std::vector<BlockTask> tasks;

  void run(size_t first, size_t last) const {
    const FpEnvironment environment;
    ForwardScratch scratch = thread_scratch(problem, plan);
    for (size_t i = first; i < last; ++i) {
      kernels.forward_block(problem, plan, tasks[i], scratch);
    }
  }
};

void run_parallel(const Call& call) {
  // One task at a time, in schedule order: the longest first.
  tbb::parallel_for(
      tbb::blocked_range<size_t>(0, call.tasks.size(), 1),
      [&](const tbb::blocked_range<size_t>& range) {
        call.run(range.begin(), range.end());
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
                 const CpuOptions& options) {
  const Call call = {problem, plan, kernels_of(options.isa),
                     make_tasks(problem, plan)};
  const int usable = usable_threads(options.threads);
  if (usable == 1 || call.tasks.size() <= 1 ||
      multiply_adds(problem, call.tasks) < kSmallCall) {
    call.run(0, call.tasks.size());
    return;
  }
  if (!options.threads) {
    run_parallel(call);
    return;
  }
  tbb::task_arena arena(usable);
  arena.execute([&] { run_parallel(call); });
}

}  // namespace maskwise::detail
