// The kernels of one instruction set, as functions to call.
#ifndef MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_
#define MASKWISE_BACKEND_CPU_KERNEL_TABLE_H_

#include <cstdint>

#include "backend/activation.h"
#include "backend/backward_problem.h"
#include "backend/cpu/backward_scratch.h"
#include "backend/cpu/backward_task.h"
#include "backend/cpu/block_task.h"
#include "backend/cpu/matmul_task.h"
#include "backend/cpu/probe.h"
#include "backend/cpu/scratch.h"
#include "backend/forward_problem.h"
#include "backend/matmul_problem.h"
#include "maskwise/device.h"
#include "plan/plan_data.h"
#include "plan/plan_walk.h"

namespace maskwise::detail {

// When a fold is merged: the first begins the rows, the last writes them.
struct FoldTurn {
  bool is_first = false;
  bool is_last = false;
};

struct KernelTable {
  Isa isa = Isa::scalar;

  // Computes every output of the task's rows. Under FpEnvironment.
  void (*forward_block)(const ForwardProblem& problem, const PlanData& plan,
                        const BlockTask& task,
                        ForwardScratch& scratch) = nullptr;

  // The same in two steps, for calls whose threads share folds: sums one fold
  // of the task into scratch.fold_m, fold_l and fold_sum; and takes such a fold
  // into the task's rows, which the scratch keeps from the first to the last.
  void (*sum_fold)(const ForwardProblem& problem, const PlanData& plan,
                   const BlockTask& task, const FoldSpan& span,
                   ForwardScratch& scratch) = nullptr;
  void (*merge_fold)(const ForwardProblem& problem, const PlanData& plan,
                     const BlockTask& task, const FoldTurn& turn,
                     ForwardScratch& scratch) = nullptr;

  // Computes every gradient of the task's heads. Under FpEnvironment.
  void (*backward_heads)(const BackwardProblem& problem, const PlanData& plan,
                         const BackwardTask& task,
                         BackwardScratch& scratch) = nullptr;

  // Computes a panel of a product of matrices. Under FpEnvironment.
  void (*matmul_panels)(const MatmulProblem& problem, const MatmulTask& task,
                        const MatmulScratch& scratch) = nullptr;

  // y = f(x), and d = d f'(x), of `count` elements. Under FpEnvironment.
  void (*activate)(ActivationKind kind, const float* x, float* y,
                   int64_t count) = nullptr;
  void (*activate_back)(ActivationKind kind, const float* x, float* d,
                        int64_t count) = nullptr;

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
