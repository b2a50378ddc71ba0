#include "backend/cpu/worker_memory.h"

#include "backend/cpu/kept_memory.h"
#include "backend/cpu/partial_fold.h"
#include "backend/cpu/scratch.h"
#include "base/aligned_buffer.h"

namespace maskwise::detail {
namespace {

// The first aligned address from `memory` on.
char* aligned(void* memory) {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const auto whole = static_cast<uintptr_t>(kAlignment);
  return static_cast<char*>(memory) + (whole - address % whole) % whole;
}

// Folds are shared only where there are threads and folds to share.
int64_t partial_bytes_for(const ForwardProblem& problem, const PlanData& plan,
                          int64_t threads) {
  if (threads == 1 || plan.most_folds <= 1) return 0;
  return PartialFoldPool::bytes_for(problem, threads);
}

}  // namespace

WorkerMemory::WorkerMemory(const ForwardProblem& problem, const PlanData& plan,
                           void* workspace, int64_t threads)
    : scratch_bytes_(ForwardScratch::bytes_for(problem, plan)),
      partial_bytes_(partial_bytes_for(problem, plan, threads)),
      threads_(threads),
      workspace_(aligned(workspace)) {}

int64_t WorkerMemory::bytes_for(const ForwardProblem& problem,
                                const PlanData& plan, int64_t threads) {
  return kAlignment + threads * ForwardScratch::bytes_for(problem, plan) +
         partial_bytes_for(problem, plan, threads);
}

void* WorkerMemory::scratch(int64_t worker) const {
  thread_local KeptMemory memory;
  return workspace_ == nullptr ? memory.get(scratch_bytes_)
                               : workspace_ + worker * scratch_bytes_;
}

void* WorkerMemory::partials() const {
  thread_local KeptMemory memory;
  return workspace_ == nullptr ? memory.get(partial_bytes_)
                               : workspace_ + threads_ * scratch_bytes_;
}

}  // namespace maskwise::detail
