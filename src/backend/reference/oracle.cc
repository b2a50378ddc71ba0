#include "backend/reference/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace maskwise::detail {
namespace {

constexpr double kUnit = 0x1p-24;  // half an ulp of 1 in f32
constexpr double kTiny = 0x1p-126;
constexpr double kFold = 1024;

struct Key {
  int64_t k = 0;
  double x = 0;          // score
  double magnitude = 0;  // the score with every term absolute
};

class OracleRow {
 public:
  OracleRow(const ForwardProblem& problem, const ProblemRow& row)
      : p_(problem), at_(row) {}

  void run(const Visibility& visible, OracleResult& out) {
    collect(visible);
    double m = -std::numeric_limits<double>::infinity();
    for (const Key& key : keys_) m = std::max(m, key.x);
    double l = 0;
    for (const Key& key : keys_) l += weight(key, m);
    out.lse.push_back(keys_.empty() ? m : m + std::log(l));
    for (int64_t d = 0; d < p_.value_dim; ++d) sum_values(d, m, l, out);
  }

 private:
  void collect(const Visibility& visible);
  Key score(int64_t k) const;
  void sum_values(int64_t d, double m, double l, OracleResult& out) const;
  static double weight(const Key& key, double m) { return std::exp(key.x - m); }

  const ForwardProblem& p_;
  ProblemRow at_;
  std::vector<Key> keys_;
};

void OracleRow::collect(const Visibility& visible) {
  for (int64_t k = 0; k < p_.shape.kv_len; ++k) {
    if (visible(at_.batch, at_.head, at_.q, k)) keys_.push_back(score(k));
  }
}

Key OracleRow::score(int64_t k) const {
  const auto [b, h, q] = at_;
  const float* query = p_.q.at(b, h, q);
  const float* key = p_.k.at(b, p_.kv_head(h), k);
  Key result{k, 0, 0};
  for (int64_t d = 0; d < p_.head_dim; ++d) {
    const double term = static_cast<double>(p_.scale) *
                        static_cast<double>(query[d * p_.q.stride[3]]) *
                        static_cast<double>(key[d * p_.k.stride[3]]);
    result.x += term;
    result.magnitude += std::fabs(term);
  }
  if (p_.softcap > 0) {
    const auto cap = static_cast<double>(p_.softcap);
    result.x = cap * std::tanh(result.x / cap);
  }
  double bias = 0;
  if (p_.bias.given()) {
    bias = static_cast<double>(p_.bias.at(b, h, q)[k * p_.bias.stride[3]]);
  }
  if (p_.has_alibi()) {
    bias += static_cast<double>(p_.slope(h)) *
            static_cast<double>(p_.distance(b, q, k));
  }
  result.x += bias;
  result.magnitude += std::fabs(bias);
  return result;
}

void OracleRow::sum_values(int64_t d, double m, double l,
                           OracleResult& out) const {
  const auto n = static_cast<double>(keys_.size());
  double o = 0;
  double absolute = 0;
  double largest_value = 0;
  double largest_score = 0;
  for (const Key& key : keys_) {
    const auto v = static_cast<double>(
        p_.v.at(at_.batch, p_.kv_head(at_.head), key.k)[d * p_.v.stride[3]]);
    const double w = weight(key, m) / l;
    o += w * v;
    absolute += w * std::fabs(v);
    largest_value = std::max(largest_value, std::fabs(v));
    largest_score = std::max(largest_score, key.magnitude);
  }
  out.o.push_back(o);
  out.gate.push_back(kUnit *
                         (4 * (1 + largest_score) + std::min(n, kFold) +
                          std::ceil(n / kFold)) *
                         absolute +
                     kUnit * std::fabs(o) + n * kTiny * largest_value);
}

}  // namespace

OracleResult oracle_forward(const ForwardProblem& problem,
                            const Visibility& visible) {
  OracleResult result;
  const ProblemShape& shape = problem.shape;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) {
        OracleRow(problem, {b, h, q}).run(visible, result);
      }
    }
  }
  return result;
}

}  // namespace maskwise::detail
