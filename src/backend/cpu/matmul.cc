#include "backend/cpu/matmul.h"

#include <algorithm>
#include <cstdint>

#include "backend/cpu/kept_memory.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/workers.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

class MatmulCall {
 public:
  MatmulCall(const MatmulProblem& problem, Isa isa)
      : problem_(problem),
        kernels_(kernels_of(isa)),
        panels_((problem.columns + kBlockRows - 1) / kBlockRows),
        blocks_((problem.rows + kMatmulRows - 1) / kMatmulRows) {}

  int64_t tasks() const { return panels_ * blocks_; }

  void run(int64_t first, int64_t last) const {
    const FpEnvironment environment;
    thread_local KeptMemory memory;
    const MatmulScratch scratch(memory.get(MatmulScratch::bytes()));
    for (int64_t task = first; task < last; ++task) {
      const int64_t row = task % blocks_ * kMatmulRows;
      kernels_.matmul_panel(
          problem_,
          {.column = task / blocks_ * kBlockRows,
           .row = row,
           .rows = std::min(kMatmulRows, problem_.rows - row)},
          scratch);
    }
  }

 private:
  const MatmulProblem& problem_;
  const KernelTable& kernels_;
  int64_t panels_;
  int64_t blocks_;
};

}  // namespace

void cpu_matmul(const MatmulProblem& problem, Isa isa,
                std::optional<int> threads) {
  const MatmulCall call(problem, isa);
  const double multiply_adds = static_cast<double>(problem.rows) *
                               static_cast<double>(problem.columns) *
                               static_cast<double>(problem.depth);
  const int64_t workers =
      std::clamp<int64_t>(threads_for(multiply_adds, threads), 1,
                          std::max<int64_t>(1, call.tasks()));
  run_workers(workers, [&](int64_t i) {
    call.run(call.tasks() * i / workers, call.tasks() * (i + 1) / workers);
  });
}

}  // namespace maskwise::detail
