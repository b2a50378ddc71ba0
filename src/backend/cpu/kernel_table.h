// The kernels of one instruction set, as functions to call.
#ifndef MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_
#define MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_

#include "backend/cpu/block_task.h"
#include "backend/cpu/scratch.h"
#include "backend/forward_problem.h"
#include "maskwise/device.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

struct KernelTable {
  Isa isa = Isa::scalar;

  // Computes every output of the task's rows. Under FpEnvironment.
  void (*forward_block)(const ForwardProblem& problem, const PlanData& plan,
                        const BlockTask& task,
                        ForwardScratch& scratch) = nullptr;
};

namespace scalar {
const KernelTable& kernels();
}
namespace avx2 {
const KernelTable& kernels();
}
namespace avx512 {
const KernelTable& kernels();
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_
