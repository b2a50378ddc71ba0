#include "backend/cpu/forward.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "backend/cpu/cache_tasks.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/task_list.h"
#include "base/aligned_buffer.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Below this many multiply-adds a call is over before threads have woken up.
constexpr double kSmallCall = 500000;

const KernelTable& kernels_of(Isa isa) {
  if (isa == Isa::avx512) return avx512::kernels();
  return isa == Isa::avx2 ? avx2::kernels() : scalar::kernels();
}

// This thread's scratch: made once, and kept for later calls while it is large
// enough.
void* thread_scratch(int64_t bytes) {
  thread_local std::shared_ptr<void> memory;
  thread_local int64_t size = 0;
  if (bytes > size) {
    memory = make_aligned_buffer(bytes);
    size = bytes;
  }
  return memory.get();
}

// As many threads as asked for of those that the process may use.
int64_t usable_threads(std::optional<int> asked) {
  const auto most = static_cast<int>(tbb::global_control::active_value(
      tbb::global_control::max_allowed_parallelism));
  return std::min(asked.value_or(most), most);
}

// A call: its tasks are taken by number, by whoever is free. Tasks: TaskList or
// CacheTasks.
template <typename Tasks>
class Call {
 public:
  Call(const ForwardProblem& problem, const PlanData& plan,
       const KernelTable& kernels)
      : problem_(problem),
        plan_(plan),
        kernels_(kernels),
        tasks_(problem, plan),
        scratch_bytes_(ForwardScratch::bytes_for(problem, plan)) {}

  void run(int64_t threads) {
    const int64_t workers = std::min(threads, tasks_.count());
    if (workers <= 1) {
      work();
      return;
    }
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, workers, 1),
        [&](const tbb::blocked_range<int64_t>&) { work(); },
        tbb::simple_partitioner());
  }

 private:
  void work() {
    const FpEnvironment environment;
    ForwardScratch scratch(problem_, plan_, thread_scratch(scratch_bytes_));
    for (;;) {
      const int64_t number = next_.fetch_add(1, std::memory_order_relaxed);
      if (number >= tasks_.count()) return;
      if (const std::optional<BlockTask> task = tasks_.task(number)) {
        kernels_.forward_block(problem_, plan_, *task, scratch);
      }
    }
  }

  const ForwardProblem& problem_;
  const PlanData& plan_;
  const KernelTable& kernels_;
  const Tasks tasks_;
  const int64_t scratch_bytes_;
  std::atomic<int64_t> next_ = 0;
};

// Pairs of the call; over a cache, all that could be visible.
double pairs_of(const ForwardProblem& problem, const PlanData& plan) {
  if (!problem.paged.given()) return static_cast<double>(plan.visible_pairs);
  int64_t pairs = 0;
  for (int64_t b = 0; b < problem.shape.batch; ++b) {
    pairs += problem.paged.newest[b] * problem.paged.lengths[b];
  }
  return static_cast<double>(pairs * problem.shape.heads);
}

}  // namespace

void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 const CpuOptions& options) {
  const double multiply_adds =
      pairs_of(problem, plan) *
      static_cast<double>(problem.head_dim + problem.value_dim);
  const int64_t threads =
      multiply_adds < kSmallCall ? 1 : usable_threads(options.threads);
  const KernelTable& kernels = kernels_of(options.isa);
  if (problem.paged.given()) {
    Call<CacheTasks>(problem, plan, kernels).run(threads);
  } else {
    Call<TaskList>(problem, plan, kernels).run(threads);
  }
}

}  // namespace maskwise::detail
