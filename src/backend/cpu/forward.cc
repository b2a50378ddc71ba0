#include "backend/cpu/forward.h"

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "backend/cpu/cache_tasks.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/scratch.h"
#include "backend/cpu/task_list.h"
#include "backend/cpu/usable_threads.h"
#include "base/aligned_buffer.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Below this many multiply-adds a call is over before threads have woken up.
constexpr double kSmallCall = 500000;

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

// The first aligned address from `memory` on.
char* aligned(void* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const auto whole = static_cast<uintptr_t>(kAlignment);
  return static_cast<char*>(memory) + (whole - address % whole) % whole;
}

// A call: its tasks are taken by number, by whoever is free. Tasks: TaskList or
// CacheTasks.
template <typename Tasks>
class Call {
 public:
  Call(const ForwardProblem& problem, const PlanData& plan,
       const CpuOptions& options)
      : problem_(problem),
        plan_(plan),
        kernels_(kernels_of(options.isa)),
        workspace_(aligned(options.workspace)),
        tasks_(problem, plan),
        scratch_bytes_(ForwardScratch::bytes_for(problem, plan)) {}

  void run(int64_t threads) {
    const int64_t workers = std::min(threads, tasks_.count());
    if (workers <= 1) {
      work(0);
      return;
    }
    tbb::parallel_for(
        tbb::blocked_range<int64_t>(0, workers, 1),
        [&](const tbb::blocked_range<int64_t>& range) { work(range.begin()); },
        tbb::simple_partitioner());
  }

 private:
  void work(int64_t worker) {
    const FpEnvironment environment;
    void* memory = workspace_ == nullptr ? thread_scratch(scratch_bytes_)
                                         : workspace_ + worker * scratch_bytes_;
    ForwardScratch scratch(problem_, plan_, memory);
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
  char* const workspace_;
  const Tasks tasks_;
  const int64_t scratch_bytes_;
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
  return kAlignment +
         usable_threads(threads) * ForwardScratch::bytes_for(problem, plan);
}

void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 const CpuOptions& options) {
  const double multiply_adds =
      pairs_of(problem, plan) *
      static_cast<double>(problem.head_dim + problem.value_dim);
  const int64_t threads =
      multiply_adds < kSmallCall ? 1 : usable_threads(options.threads);
  if (problem.paged.given()) {
    Call<CacheTasks>(problem, plan, options).run(threads);
  } else {
    Call<TaskList>(problem, plan, options).run(threads);
  }
}

}  // namespace maskwise::detail
