#include "backend/cpu/partial_fold.h"

#include "backend/cpu/scratch.h"
#include "plan/plan_data.h"

namespace maskwise::detail {
namespace {

// Folds of whole blocks that wait for each thread. Those of few rows are
// smaller, and more of them fit.
constexpr int64_t kFoldsPerThread = 4;

int64_t floats_for(int64_t lanes, int64_t value_row) {
  return lanes * value_row + 2 * kBlockRows;
}

}  // namespace

PartialFoldPool::PartialFoldPool(const ForwardProblem& problem, void* memory,
                                 int64_t threads)
    : value_row_(padded(problem.value_dim)),
      memory_(static_cast<float*>(memory)),
      capacity_(bytes_for(problem, threads) / int64_t{sizeof(float)}) {}

int64_t PartialFoldPool::bytes_for(const ForwardProblem& problem,
                                   int64_t threads) {
  return threads * kFoldsPerThread *
         floats_for(kBlockRows, padded(problem.value_dim)) *
         int64_t{sizeof(float)};
}

bool PartialFoldPool::has_room(int64_t lanes) const {
  return used_ + floats_for(lanes, value_row_) <= capacity_;
}

PartialFold PartialFoldPool::take(int64_t lanes) {
  float* const begin = memory_ + used_;
  used_ += floats_for(lanes, value_row_);
  return {.m = begin, .l = begin + kBlockRows, .sum = begin + 2 * kBlockRows};
}

}  // namespace maskwise::detail
