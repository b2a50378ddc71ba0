#include "backend/cpu/scratch.h"

#include <algorithm>

#include "base/aligned_buffer.h"

namespace maskwise::detail {
namespace {

constexpr int64_t kStagedRows =
    std::max({kScoreChunk, kFewLanesChunk, kValueChunk});

// Hands out aligned pieces of a block of memory; without one, only counts.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<char*>(memory)) {}

  template <typename T>
  void take(T*& piece, int64_t count) {
    if (memory_ != nullptr) piece = reinterpret_cast<T*>(memory_ + used_);
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  int64_t used() const { return used_; }

 private:
  char* memory_;
  int64_t used_ = 0;
};

void carve(const ForwardProblem& problem, const PlanData& plan,
           ForwardScratch& s, Carver& carver) {
  s.table.capacity = std::min(plan.largest_fold, kMostStripKeys);
  const int64_t entries = s.table.capacity + kKeyPadding;
  const int64_t value_row = padded(problem.value_dim);
  carver.take(s.queries, problem.head_dim * kBlockRows);
  carver.take(s.strip, entries * kBlockRows);
  carver.take(s.fold_sum, kBlockRows * value_row);
  carver.take(s.row_sum, kBlockRows * value_row);
  carver.take(s.staged,
              kStagedRows * std::max(padded(problem.head_dim), value_row));
  carver.take(s.bias, kScoreChunk * kBlockRows);
  for (float** lanes : {&s.fold_m, &s.fold_l, &s.m, &s.l, &s.old_scale,
                        &s.new_scale, &s.slope, &s.position}) {
    carver.take(*lanes, kBlockRows);
  }
  carver.take(s.rows, kBlockRows);
  carver.take(s.pair_rows, kBlockRows);
  carver.take(s.staged_rows, kStagedRows + kKeysAhead);
  carver.take(s.table.k, s.table.capacity + kKeysAhead);
  carver.take(s.table.v, s.table.capacity + kKeysAhead);
  carver.take(s.table.key, entries);
  carver.take(s.table.lanes, entries);
}

}  // namespace

ForwardScratch::ForwardScratch(const ForwardProblem& problem,
                               const PlanData& plan, void* memory) {
  Carver carver(memory);
  carve(problem, plan, *this, carver);
}

int64_t ForwardScratch::bytes_for(const ForwardProblem& problem,
                                  const PlanData& plan) {
  Carver carver(nullptr);
  ForwardScratch counted;
  carve(problem, plan, counted, carver);
  return carver.used();
}

}  // namespace maskwise::detail
