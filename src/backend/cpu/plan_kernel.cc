#include "backend/cpu/plan_kernel.h"

#include <algorithm>
#include <cmath>

#include "backend/row_math.h"
#include "plan/plan_walk.h"

namespace maskwise::detail {
namespace {

// Where one row stands: its indices and the rows of memory that it reads.
struct RowPlace {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t kv_head = 0;
  int64_t q = 0;
  const float* bias = nullptr;
};

class RowKernel {
 public:
  RowKernel(const ForwardProblem& problem, const PlanData& plan,
            const RowPlace& place, KernelScratch& scratch)
      : p_(problem), plan_(plan), place_(place), s_(scratch) {
    scale_query();
  }

  void run(const RowBlock& block);

 private:
  void scale_query();
  float raw_score(int64_t k) const;
  float capped(float x) const;
  float biased(float x, int64_t k) const;
  float score(int64_t k) const { return biased(capped(raw_score(k)), k); }

  // Calls visit(key) for each key of the part that the row sees.
  template <typename Visit>
  void visit_keys(const RunPart& part, const RowBlock& block, Visit visit);
  void finish_fold();
  void write_row() const;
  void write_pairs(const RowBlock& block);
  void write_pair(int64_t k, float r) const;

  const ForwardProblem& p_;
  const PlanData& plan_;
  RowPlace place_;
  KernelScratch& s_;
  int64_t fold_keys_ = 0;
  float m_ = kLowest;
  float l_ = 0;
};

void RowKernel::scale_query() {
  const float* query = p_.q.at(place_.batch, place_.head, place_.q);
  for (int64_t d = 0; d < p_.head_dim; ++d) {
    s_.scaled_query[static_cast<size_t>(d)] =
        query[d * p_.q.stride[3]] * p_.scale;
  }
}

float RowKernel::raw_score(int64_t k) const {
  const float* key = p_.k.at(place_.batch, place_.kv_head, k);
  const int64_t step = p_.k.stride[3];
  float x = 0;
  for (int64_t d = 0; d < p_.head_dim; ++d) {
    x = std::fma(s_.scaled_query[static_cast<size_t>(d)], key[d * step], x);
  }
  return x;
}

float RowKernel::capped(float x) const {
  if (p_.softcap <= 0) return x;
  return p_.softcap * tanh_contract(x * (1.0F / p_.softcap));
}

float RowKernel::biased(float x, int64_t k) const {
  if (place_.bias != nullptr) x = x + place_.bias[k * p_.bias.stride[3]];
  if (p_.alibi_slopes.empty()) return x;
  const auto& shape = p_.shape;
  const auto row = static_cast<size_t>(place_.batch * shape.q_len + place_.q);
  const auto key = static_cast<size_t>(place_.batch * shape.kv_len + k);
  const auto distance =
      static_cast<float>(p_.kv_positions[key] - p_.q_positions[row]);
  return x + p_.alibi_slopes[static_cast<size_t>(place_.head)] * distance;
}

template <typename Visit>
void RowKernel::visit_keys(const RunPart& part, const RowBlock& block,
                           Visit visit) {
  const uint64_t bit = uint64_t{1} << (place_.q - block.q_begin);
  for (int32_t i = 0; i < part.count; ++i) {
    if ((rows_at(plan_, part, i, block.rows) & bit) == 0) continue;
    visit(key_at(plan_, part, i));
  }
}

void RowKernel::run(const RowBlock& block) {
  std::ranges::fill(s_.row_sum, 0.0F);
  walk_folds(
      plan_, block, [&] { fold_keys_ = 0; },
      [&](const RunPart& part) {
        visit_keys(part, block, [&](int64_t k) {
          const auto at = static_cast<size_t>(fold_keys_++);
          s_.keys[at] = k;
          s_.scores[at] = score(k);
        });
      },
      [&] { finish_fold(); });
  write_row();
  if (p_.weights.given() || p_.scores.given()) write_pairs(block);
}

// Sums the fold and merges it into the row. A fold without a key of this row
// changes nothing: its m is the lowest and its sums are 0.
void RowKernel::finish_fold() {
  float fold_m = kLowest;
  for (int64_t j = 0; j < fold_keys_; ++j) {
    fold_m = max_ignoring_nan(fold_m, s_.scores[static_cast<size_t>(j)]);
  }
  float fold_l = 0;
  std::ranges::fill(s_.fold_sum, 0.0F);
  for (int64_t j = 0; j < fold_keys_; ++j) {
    const float x = s_.scores[static_cast<size_t>(j)];
    if (x == kMinusInfinity) continue;  // weighs nothing, adds nothing
    const float p = exp2_contract((x - fold_m) * kLog2e);
    fold_l = fold_l + p;
    const float* v =
        p_.v.at(place_.batch, place_.kv_head, s_.keys[static_cast<size_t>(j)]);
    const int64_t step = p_.v.stride[3];
    for (size_t d = 0; d < s_.fold_sum.size(); ++d) {
      s_.fold_sum[d] =
          std::fma(p, v[static_cast<int64_t>(d) * step], s_.fold_sum[d]);
    }
  }
  const float m = max_ignoring_nan(m_, fold_m);
  const float old_scale = exp2_contract((m_ - m) * kLog2e);
  const float new_scale = exp2_contract((fold_m - m) * kLog2e);
  l_ = std::fma(l_, old_scale, fold_l * new_scale);
  for (size_t d = 0; d < s_.row_sum.size(); ++d) {
    s_.row_sum[d] =
        std::fma(s_.row_sum[d], old_scale, s_.fold_sum[d] * new_scale);
  }
  m_ = m;
}

void RowKernel::write_row() const {
  const auto [b, h, kv, q, bias] = place_;
  const bool absent = l_ == 0;
  const float r = absent ? 0.0F : 1.0F / l_;
  float* o = p_.o.at(b, h, q);
  for (size_t d = 0; d < s_.row_sum.size(); ++d) {
    const float value = absent ? 0.0F : stored(s_.row_sum[d] * r);
    o[static_cast<int64_t>(d) * p_.o.stride[3]] = value;
  }
  *p_.l.at(b, h, q) = stored(l_);
  *p_.m.at(b, h, q) = absent ? kLowest : stored(l_ == l_ ? m_ : l_);
  *p_.lse.at(b, h, q) =
      absent ? kMinusInfinity : stored(std::fma(log2_contract(l_), kLn2, m_));
}

// Scores are computed again: nothing of the row but its sums was kept.
void RowKernel::write_pairs(const RowBlock& block) {
  const auto [b, h, kv, q, bias] = place_;
  const int64_t keys = p_.shape.kv_len;
  if (p_.weights.given()) std::fill_n(p_.weights.at(b, h, q), keys, 0.0F);
  if (p_.scores.given()) {
    std::fill_n(p_.scores.at(b, h, q), keys, kMinusInfinity);
  }
  const float r = l_ == 0 ? 0.0F : 1.0F / l_;
  walk_folds(
      plan_, block, [] {},
      [&](const RunPart& part) {
        visit_keys(part, block, [&](int64_t k) { write_pair(k, r); });
      },
      [] {});
}

void RowKernel::write_pair(int64_t k, float r) const {
  const auto [b, h, kv, q, bias] = place_;
  const float raw = raw_score(k);
  const float cut = capped(raw);
  const float x = biased(cut, k);
  if (p_.weights.given() && x != kMinusInfinity) {
    p_.weights.at(b, h, q)[k] = stored(exp2_contract((x - m_) * kLog2e) * r);
  }
  if (p_.scores.given()) {
    const ScoreStage stage = p_.score_stage;
    p_.scores.at(b, h, q)[k] = stored(stage == ScoreStage::raw      ? raw
                                      : stage == ScoreStage::capped ? cut
                                                                    : x);
  }
}

}  // namespace

KernelScratch::KernelScratch(const ForwardProblem& problem)
    : scaled_query(static_cast<size_t>(problem.head_dim)),
      scores(static_cast<size_t>(kFoldKeys)),
      keys(static_cast<size_t>(kFoldKeys)),
      fold_sum(static_cast<size_t>(problem.value_dim)),
      row_sum(static_cast<size_t>(problem.value_dim)) {}

void forward_block(const ForwardProblem& problem, const PlanData& plan,
                   const RowBlock& block, int32_t batch_head,
                   KernelScratch& scratch) {
  RowPlace place;
  place.batch = batch_head / problem.shape.heads;
  place.head = batch_head % problem.shape.heads;
  place.kv_head = problem.kv_head(place.head);
  for (int32_t r = 0; r < block.rows; ++r) {
    place.q = block.q_begin + r;
    place.bias = problem.bias.given()
                     ? problem.bias.at(place.batch, place.head, place.q)
                     : nullptr;
    RowKernel(problem, plan, place, scratch).run(block);
  }
}

}  // namespace maskwise::detail
