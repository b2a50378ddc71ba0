// Runs the kernels of a plan over the threads.
#ifndef MASKWISE_BACKEND_CPU_FORWARD_H_
#define MASKWISE_BACKEND_CPU_FORWARD_H_

#include <optional>

#include "backend/forward_problem.h"
#include "maskwise/device.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Where a call runs; neither changes a bit of it.
struct CpuOptions {
  Isa isa = Isa::scalar;
  // At most that many, and no more than oneTBB offers to the process; not
  // given: all of them.
  std::optional<int> threads = {};
  // forward_bytes() bytes; null: threads keep memory of their own.
  void* workspace = nullptr;
};

// Bytes that the threads of a call need together, to begin at any address.
int64_t forward_bytes(const ForwardProblem& problem, const PlanData& plan,
                      std::optional<int> threads);

// Fills every output of the problem. A task owns its rows of the outputs.
void cpu_forward(const ForwardProblem& problem, const PlanData& plan,
                 const CpuOptions& options);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_FORWARD_H_
