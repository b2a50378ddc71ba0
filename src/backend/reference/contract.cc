#include "backend/reference/contract.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "backend/reference/contract_score.h"
#include "backend/row_math.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

// Keys of one fold of the contract.
constexpr size_t kKeysPerFold = 1024;

// A partial sum: largest score, sum of weights, weighted sum of values.
struct Partial {
  float m = kLowest;
  float l = 0;
  std::vector<float> a;
};

// One row: its visible keys, compacted; what is masked is never looked at.
class Row {
 public:
  Row(const ForwardProblem& problem, const ProblemRow& row)
      : p_(problem), at_(row) {}

  void run(const Visibility& visible);

 private:
  Partial fold(size_t begin, size_t end) const;
  void merge(Partial& row, const Partial& fold) const;
  void write(const Partial& row) const;
  void write_weights(float m, float r) const;
  void write_scores() const;
  const float* value(int64_t k) const {
    return p_.v.at(at_.batch, p_.kv_head(at_.head), k);
  }

  const ForwardProblem& p_;
  ProblemRow at_;
  std::vector<int64_t> keys_;
  std::vector<float> x_;
};

Partial Row::fold(size_t begin, size_t end) const {
  Partial part;
  part.a.assign(static_cast<size_t>(p_.value_dim), 0.0F);
  for (size_t j = begin; j < end; ++j) {
    part.m = max_ignoring_nan(part.m, x_[j]);
  }
  for (size_t j = begin; j < end; ++j) {
    // A visible score of -inf weighs +0 and adds nothing, whatever its value.
    if (x_[j] == kMinusInfinity) continue;
    const float p = exp2_contract((x_[j] - part.m) * kLog2e);
    part.l = part.l + p;
    const float* v = value(keys_[j]);
    for (int64_t d = 0; d < p_.value_dim; ++d) {
      float& a = part.a[static_cast<size_t>(d)];
      a = std::fma(p, v[d * p_.v.stride[3]], a);
    }
  }
  return part;
}

void Row::merge(Partial& row, const Partial& fold) const {
  const RowMerge merged = merge_of(row.m, fold.m);
  row.m = merged.m;
  row.l = merged.sum(row.l, fold.l);
  for (size_t d = 0; d < row.a.size(); ++d) {
    row.a[d] = merged.sum(row.a[d], fold.a[d]);
  }
}

void Row::run(const Visibility& visible) {
  for (int64_t k = 0; k < p_.shape.kv_len; ++k) {
    if (!visible(at_.batch, at_.head, at_.q, k)) continue;
    keys_.push_back(k);
    x_.push_back(contract_score(p_, at_, k).biased);
  }
  Partial row;
  row.a.assign(static_cast<size_t>(p_.value_dim), 0.0F);
  for (size_t begin = 0; begin < x_.size(); begin += kKeysPerFold) {
    merge(row, fold(begin, std::min(begin + kKeysPerFold, x_.size())));
  }
  write(row);
}

void Row::write(const Partial& row) const {
  const auto [b, h, q] = at_;
  const float r = p_.is_partial ? 1.0F : inverse_of(row.l);
  float* o = p_.o.at(b, h, q);
  for (int64_t d = 0; d < p_.value_dim; ++d) {
    o[d * p_.o.stride[3]] = stored(row.a[static_cast<size_t>(d)] * r);
  }
  *p_.m.at(b, h, q) = stored_max(row.m, row.l);
  *p_.l.at(b, h, q) = stored(row.l);
  *p_.lse.at(b, h, q) = stored_lse(row.m, row.l);
  if (p_.pair_row(q) < 0) return;
  if (p_.weights.given()) write_weights(row.m, r);
  if (p_.scores.given()) write_scores();
}

void Row::write_weights(float m, float r) const {
  float* out = p_.weights.at(at_.batch, at_.head, p_.pair_row(at_.q));
  std::fill_n(out, p_.shape.kv_len, 0.0F);
  for (size_t j = 0; j < keys_.size(); ++j) {
    if (x_[j] == kMinusInfinity) continue;
    out[keys_[j]] = stored(exp2_contract((x_[j] - m) * kLog2e) * r);
  }
}

void Row::write_scores() const {
  float* out = p_.scores.at(at_.batch, at_.head, p_.pair_row(at_.q));
  std::fill_n(out, p_.shape.kv_len, kMinusInfinity);
  for (const int64_t k : keys_) {
    const ContractScore each = contract_score(p_, at_, k);
    out[k] = stored(p_.score_stage == ScoreStage::raw      ? each.raw
                    : p_.score_stage == ScoreStage::capped ? each.capped
                                                           : each.biased);
  }
}

}  // namespace

void contract_forward(const ForwardProblem& problem,
                      const Visibility& visible) {
  const FpEnvironment environment;
  const ProblemShape& shape = problem.shape;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) {
        Row(problem, {b, h, q}).run(visible);
      }
    }
  }
}

}  // namespace maskwise::detail
