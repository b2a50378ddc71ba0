#include "backend/reference/oracle.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "backend/reference/oracle_score.h"

namespace maskwise::detail {
namespace {

struct Key {
  int64_t k = 0;
  OracleScore score;
};

class OracleRow {
 public:
  OracleRow(const ForwardProblem& problem, const ProblemRow& row)
      : p_(problem), at_(row) {}

  void run(const Visibility& visible, OracleResult& out) {
    collect(visible);
    double m = -std::numeric_limits<double>::infinity();
    for (const Key& key : keys_) m = std::max(m, key.score.x);
    double l = 0;
    for (const Key& key : keys_) l += weight(key, m);
    out.lse.push_back(keys_.empty() ? m : m + std::log(l));
    for (int64_t d = 0; d < p_.value_dim; ++d) sum_values(d, m, l, out);
  }

 private:
  void collect(const Visibility& visible);
  void sum_values(int64_t d, double m, double l, OracleResult& out) const;
  static double weight(const Key& key, double m) {
    return std::exp(key.score.x - m);
  }

  const ForwardProblem& p_;
  ProblemRow at_;
  std::vector<Key> keys_;
};

void OracleRow::collect(const Visibility& visible) {
  for (int64_t k = 0; k < p_.shape.kv_len; ++k) {
    if (visible(at_.batch, at_.head, at_.q, k))
      keys_.push_back({k, oracle_score(p_, at_, k)});
  }
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
    largest_score = std::max(largest_score, key.score.magnitude);
  }
  out.o.push_back(o);
  out.gate.push_back(kOracleUnit *
                         (4 * (1 + largest_score) + std::min(n, kOracleFold) +
                          std::ceil(n / kOracleFold)) *
                         absolute +
                     kOracleUnit * std::fabs(o) +
                     n * kOracleTiny * largest_value);
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
