#include "backend/cpu/scratch.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

void carve_forward(const ForwardProblem& problem, const PlanData& plan,
                   ForwardScratch& s, Carver& carver) {
  s.carve(problem, plan, carver);
  const int64_t value_row = padded(problem.value_dim);
  carver.take(s.strip, (s.table.capacity + kKeyPadding) * kBlockRows);
  carver.take(s.fold_sum, kBlockRows * value_row);
  carver.take(s.row_sum, kBlockRows * value_row);
  for (float** lanes :
       {&s.fold_m, &s.fold_l, &s.m, &s.l, &s.old_scale, &s.new_scale}) {
    carver.take(*lanes, kBlockRows);
  }
  carver.take(s.sums, kBlockRows);
  carver.take(s.pair_rows, kBlockRows);
  carver.take(s.output_rows, kBlockRows);
  carver.take(s.next_queries, kBlockRows);
  carver.take(s.next_keys, kBlockRows);
}

}  // namespace

void ScoreScratch::carve(const ForwardProblem& problem, const PlanData& plan,
                         Carver& carver) {
  table.capacity = std::min(plan.largest_fold, kMostStripKeys);
  const int64_t entries = table.capacity + kKeyPadding;
  const int64_t head_row =
      std::max(padded(problem.head_dim), padded(problem.value_dim));
  carver.take(queries, problem.head_dim * kBlockRows);
  carver.take(bias, kScoreChunk * kBlockRows);
  carver.take(slope, kBlockRows);
  carver.take(position, kBlockRows);
  carver.take(rows, kBlockRows);
  carver.take(staged.data, kStagedRows * head_row);
  carver.take(staged.rows, kStagedRows + kKeysAhead);
  carver.take(table.k, table.capacity + kKeysAhead);
  carver.take(table.v, table.capacity + kKeysAhead);
  carver.take(table.key, entries);
  carver.take(table.lanes, entries);
}

ForwardScratch::ForwardScratch(const ForwardProblem& problem,
                               const PlanData& plan, void* memory) {
  Carver carver(memory);
  carve_forward(problem, plan, *this, carver);
}

int64_t ForwardScratch::bytes_for(const ForwardProblem& problem,
                                  const PlanData& plan) {
  Carver carver(nullptr);
  ForwardScratch counted;
  carve_forward(problem, plan, counted, carver);
  return carver.used();
}

}  // namespace maskwise::detail
