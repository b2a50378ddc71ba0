// The kernels of one instruction set, as functions to call.
#ifndef MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_
#define MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_

#include <cstdint>

#include "backend/cpu/block_task.h"
#include "backend/cpu/probe.h"
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

  // The probes of maskwise/bench.h; the first two return the FLOP they did.
  double (*probe_registers)(int64_t rounds) = nullptr;
  double (*probe_tile)(const ProbeOperands& operands, int64_t rounds) = nullptr;
  void (*probe_read)(const float* data, int64_t count) = nullptr;
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

inline const KernelTable& kernels_of(Isa isa) {
  if (isa == Isa::avx512) return avx512::kernels();
  return isa == Isa::avx2 ? avx2::kernels() : scalar::kernels();
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_
