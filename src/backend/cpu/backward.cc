#include "backend/cpu/backward.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/cpu/backward_scratch.h"
#include "backend/cpu/backward_task.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/workers.h"
#include "base/aligned_buffer.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Tasks that one thread runs one after the other, because they add to the same
// elements of the bias gradient.
struct Unit {
  std::vector<BackwardTask> tasks;
  int64_t pairs = 0;
};

// The bias gradient of every (batch, head) apart, where that is small: one
// number for each row, or key, or for all. They are added up at the end.
class BiasParts {
 public:
  explicit BiasParts(const BackwardProblem& problem)
      : shape_(problem.forward.shape), to_(problem.dbias) {
    if (!to_.given() || (to_.stride[2] != 0 && to_.stride[3] != 0)) return;
    rows_ = to_.stride[2] == 0 ? 1 : shape_.q_len;
    columns_ = to_.stride[3] == 0 ? 1 : shape_.kv_len;
    sums_.resize(
        static_cast<size_t>(shape_.batch * shape_.heads * rows_ * columns_));
  }

  bool is_used() const { return !sums_.empty(); }

  // Where kernels write to.
  Output output() {
    Output output = to_;
    output.data = sums_.data();
    output.stride[0] = shape_.heads * rows_ * columns_;
    output.stride[1] = rows_ * columns_;
    if (output.stride[2] != 0) output.stride[2] = columns_;
    return output;
  }

  // Adds them in ascending order, batch outer, to the gradient.
  void add_up() const {
    const float* part = sums_.data();
    for (int64_t b = 0; b < shape_.batch; ++b) {
      for (int64_t h = 0; h < shape_.heads; ++h) {
        for (int64_t q = 0; q < rows_; ++q) {
          float* row = to_.at(b, h, q);
          for (int64_t k = 0; k < columns_; ++k, ++part) {
            float& sum = row[k * to_.stride[3]];
            sum = sum + *part;
          }
        }
      }
    }
  }

 private:
  const ProblemShape& shape_;
  const Output& to_;
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  std::vector<float> sums_;
};

class BackwardCall {
 public:
  BackwardCall(const BackwardProblem& problem, const PlanData& plan,
               const CpuOptions& options)
      : problem_(problem),
        plan_(plan),
        kernels_(kernels_of(options.isa)),
        bias_(problem) {
    if (bias_.is_used()) problem_.dbias = bias_.output();
    make_units();
    threads_ = std::min(threads_for(multiply_adds(), options.threads),
                        std::ssize(units_));
    scratch_bytes_ = BackwardScratch::bytes_for(problem_, plan_);
    memory_ = make_aligned_buffer(scratch_bytes_ * threads_);
  }

  void run() {
    run_workers(threads_, [this](int64_t worker) { work(worker); });
    const FpEnvironment environment;
    if (bias_.is_used()) bias_.add_up();
  }

 private:
  void make_units();
  int64_t pairs_of(const BackwardTask& task) const;
  double multiply_adds() const;

  void work(int64_t worker) {
    const FpEnvironment environment;
    BackwardScratch scratch(
        problem_, plan_,
        static_cast<char*>(memory_.get()) + worker * scratch_bytes_);
    for (;;) {
      const int64_t number = next_.fetch_add(1, std::memory_order_relaxed);
      if (number >= std::ssize(units_)) return;
      for (const BackwardTask& task :
           units_[static_cast<size_t>(number)].tasks) {
        kernels_.backward_heads(problem_, plan_, task, scratch);
      }
    }
  }

  BackwardProblem problem_;
  const PlanData& plan_;
  const KernelTable& kernels_;
  BiasParts bias_;
  std::vector<Unit> units_;  // most work first
  int64_t threads_ = 1;
  int64_t scratch_bytes_ = 0;
  std::shared_ptr<void> memory_;
  std::atomic<int64_t> next_ = 0;
};

void BackwardCall::make_units() {
  const ForwardProblem& forward = problem_.forward;
  const int64_t* stride = problem_.dbias.stride;
  const bool given = problem_.dbias.given();
  const bool shares_batch = given && stride[0] == 0;
  const bool shares_heads = given && stride[1] == 0;
  const int64_t columns = shares_heads ? 1 : forward.kv_heads;
  units_.resize(
      static_cast<size_t>((shares_batch ? 1 : forward.shape.batch) * columns));
  for (int64_t b = 0; b < forward.shape.batch; ++b) {
    for (int64_t h = 0; h < forward.kv_heads; ++h) {
      const int64_t number =
          (shares_batch ? 0 : b) * columns + (shares_heads ? 0 : h);
      Unit& unit = units_[static_cast<size_t>(number)];
      unit.tasks.push_back({b, h});
      unit.pairs += pairs_of(unit.tasks.back());
    }
  }
  std::ranges::stable_sort(units_, std::ranges::greater(), &Unit::pairs);
}

// Visible pairs of the task's heads.
int64_t BackwardCall::pairs_of(const BackwardTask& task) const {
  const ForwardProblem& forward = problem_.forward;
  const int64_t group = forward.shape.heads / forward.kv_heads;
  int64_t pairs = 0;
  for (int64_t i = 0; i < group; ++i) {
    const int64_t use =
        task.batch * forward.shape.heads + task.kv_head * group + i;
    const Slice& slice = plan_.slices[static_cast<size_t>(
        plan_.slice_of_use[static_cast<size_t>(use)])];
    for (int64_t block = 0; block < slice.block_count; ++block) {
      pairs += plan_.blocks[static_cast<size_t>(slice.first_block + block)]
                   .visible_pairs;
    }
  }
  return pairs;
}

double BackwardCall::multiply_adds() const {
  const ForwardProblem& forward = problem_.forward;
  return static_cast<double>(plan_.visible_pairs) *
         static_cast<double>(3 * forward.head_dim + 2 * forward.value_dim);
}

}  // namespace

void cpu_backward(const BackwardProblem& problem, const PlanData& plan,
                  const CpuOptions& options) {
  BackwardCall(problem, plan, options).run();
}

}  // namespace maskwise::detail
