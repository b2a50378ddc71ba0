// The memory that the threads of a call work in.
#ifndef MASKWISE_BACKEND_CPU_WORKER_MEMORY_H_
#define MASKWISE_BACKEND_CPU_WORKER_MEMORY_H_

#include <cstdint>

#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Either a workspace of the caller, or memory that each thread keeps for later
// calls.
class WorkerMemory {
 public:
  // `workspace` has bytes_for() bytes, from any address on; or null.
  WorkerMemory(const ForwardProblem& problem, const PlanData& plan,
               void* workspace, int64_t threads);

  static int64_t bytes_for(const ForwardProblem& problem, const PlanData& plan,
                           int64_t threads);

  // For a ForwardScratch: of worker i of the call, on whose thread this is
  // called.
  void* scratch(int64_t worker) const;
  // For a PartialFoldPool of the call, on the caller's thread.
  void* partials() const;

 private:
  int64_t scratch_bytes_;
  int64_t partial_bytes_;
  int64_t threads_;
  char* workspace_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_WORKER_MEMORY_H_
