#include "backend/cpu/matmul.h"

#include <algorithm>
#include <cstdint>

#include "backend/cpu/kept_memory.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/workers.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

int64_t pieces_of(int64_t size, int64_t piece) {
  return (size + piece - 1) / piece;
}

class MatmulCall {
 public:
  MatmulCall(const MatmulProblem& problem, Isa isa, int64_t threads)
      : problem_(problem),
        kernels_(kernels_of(isa)),
        panels_(pieces_of(problem.columns, kBlockRows)),
        blocks_(pieces_of(problem.rows, kMatmulRows)),
        // No thread is to be without a task because others have many panels.
        group_(has_far_columns(problem.a)
                   ? std::clamp<int64_t>(panels_ * blocks_ / threads, 1,
                                         kMatmulPanels)
                   : 1) {}

  int64_t tasks() const { return pieces_of(panels_, group_) * blocks_; }

  void run(int64_t first, int64_t last) const {
    const FpEnvironment environment;
    thread_local KeptMemory memory;
    const MatmulScratch scratch(memory.get(MatmulScratch::bytes()));
    for (int64_t task = first; task < last; ++task) {
      const int64_t row = task % blocks_ * kMatmulRows;
      const int64_t panel = task / blocks_ * group_;
      kernels_.matmul_panels(
          problem_,
          {.column = panel * kBlockRows,
           .panels = std::min(group_, panels_ - panel),
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
  int64_t group_;
};

}  // namespace

void cpu_matmul(const MatmulProblem& problem, Isa isa,
                std::optional<int> threads) {
  const double multiply_adds = static_cast<double>(problem.rows) *
                               static_cast<double>(problem.columns) *
                               static_cast<double>(problem.depth);
  const int64_t usable =
      std::max<int64_t>(1, threads_for(multiply_adds, threads));
  const MatmulCall call(problem, isa, usable);
  const int64_t workers = std::min(usable, std::max<int64_t>(1, call.tasks()));
  run_workers(workers, [&](int64_t i) {
    call.run(call.tasks() * i / workers, call.tasks() * (i + 1) / workers);
  });
}

}  // namespace maskwise::detail
