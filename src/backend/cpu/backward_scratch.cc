#include "backend/cpu/backward_scratch.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

void take_rows(StagedRows& rows, int64_t count, int64_t width, Carver& carver) {
  carver.take(rows.data, count * width);
  carver.take(rows.rows, count + kKeysAhead);
}

void take_sums(KeySums& sums, const Output& gradient, int64_t dim,
               const ForwardProblem& forward, Carver& carver) {
  if (holds_chains(gradient, dim, forward)) return;
  sums.row = padded(dim);
  carver.take(sums.data, forward.shape.kv_len * sums.row);
}

bool is_one_bias(const Output& dbias) {
  return dbias.given() && dbias.stride[2] == 0 && dbias.stride[3] == 0;
}

int64_t most_keys(const PlanData& plan) {
  int64_t most = 0;
  for (const RowBlock& block : plan.blocks) {
    most = std::max(most, block.key_count);
  }
  return most;
}

}  // namespace

bool holds_chains(const Output& gradient, int64_t dim,
                  const ForwardProblem& forward) {
  return gradient.given() && dim == padded(dim) &&
         forward.shape.heads == forward.kv_heads;
}

void BackwardScratch::carve_all(const BackwardProblem& problem,
                                const PlanData& plan, Carver& carver) {
  const ForwardProblem& forward = problem.forward;
  carve(forward, plan, carver);
  const int64_t head_row = padded(forward.head_dim);
  const int64_t value_row = padded(forward.value_dim);
  constexpr int64_t kStrip = (kScoreChunk + kKeyPadding) * kBlockRows;
  carver.take(scores, kStrip);
  carver.take(d_scores, kStrip);
  if (forward.softcap > 0) carver.take(cap_slopes, kStrip);
  carver.take(present, kScoreChunk);
  carver.take(begins, table.capacity);
  carver.take(cursors, plan.most_folds);
  carver.take(d_outputs, forward.value_dim * kBlockRows);
  take_rows(q_rows, kBlockRows, head_row, carver);
  take_rows(do_rows, kBlockRows, value_row, carver);
  take_rows(values, kScoreChunk, value_row, carver);
  for (float** lanes : {&m, &r, &shift}) carver.take(*lanes, kBlockRows);
  carver.take(dq, kBlockRows * head_row);
  carver.take(dq_fold, kBlockRows * head_row);
  carver.take(sums, std::max<int64_t>(kBlockRows, kScoreChunk) + kSumsAhead);
  take_sums(dk, problem.dk, forward.head_dim, forward, carver);
  take_sums(dv, problem.dv, forward.value_dim, forward, carver);
  if (is_one_bias(problem.dbias)) {
    carver.take(d_bias, most_keys(plan) * kBlockRows);
  }
}

BackwardScratch::BackwardScratch(const BackwardProblem& problem,
                                 const PlanData& plan, void* memory) {
  Carver carver(memory);
  carve_all(problem, plan, carver);
}

int64_t BackwardScratch::bytes_for(const BackwardProblem& problem,
                                   const PlanData& plan) {
  Carver carver(nullptr);
  BackwardScratch counted;
  counted.carve_all(problem, plan, carver);
  return carver.used();
}

}  // namespace maskwise::detail
