#include "backend/reference/oracle_backward.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include "backend/reference/oracle_score.h"

namespace maskwise::detail {
namespace {

// A number and what bounds the error of it in f32.
struct Bounded {
  double value = 0;
  double absolute = 0;  // with every term absolute
  double flushed = 0;   // what weights below 2^-126 may take

  Bounded times(double factor, double largest) const {
    return {value * factor, absolute * largest, flushed * largest};
  }
  Bounded times(double factor) const {
    return times(factor, std::fabs(factor));
  }
};

// What a row says about the accuracy of its terms.
struct RowFacts {
  int64_t chain_number = 0;  // rows of one (batch, head) are in one chain
  double score = 0;          // S
  double chain = 0;          // C
};

// One element of a gradient.
struct Sum {
  Bounded sum;
  double score = 0;
  double row_chain = 0;
  int64_t chain_number = -1;
  double terms = 0;  // of that chain
  double most_terms = 0;

  void add(const Bounded& term, const RowFacts& row) {
    sum.value += term.value;
    sum.absolute += term.absolute;
    sum.flushed += term.flushed;
    score = std::max(score, row.score);
    row_chain = std::max(row_chain, row.chain);
    if (chain_number != row.chain_number) terms = 0;
    chain_number = row.chain_number;
    most_terms = std::max(most_terms, ++terms);
  }

  double gate(double longest_chain) const {
    return kOracleUnit * (16 * (1 + score) + longest_chain) * sum.absolute +
           sum.flushed;
  }
};

// Elements whose chains of one (batch, head) are added up `parts` times.
OracleGradient gradient_of(const std::vector<Sum>& sums, int64_t parts) {
  OracleGradient result;
  for (const Sum& each : sums) {
    result.value.push_back(each.sum.value);
    result.gate.push_back(each.gate(std::max(
        each.most_terms + static_cast<double>(parts), each.row_chain)));
  }
  return result;
}

struct Pair {
  int64_t k = 0;
  OracleScore score = {};
  Bounded w = {};        // softmax weight
  Bounded d_bias = {};   // of the score after the softcap
  Bounded d_score = {};  // of the product scale * q.k
};

// One row: its visible pairs, and what they give each gradient.
class OracleBackwardRow {
 public:
  OracleBackwardRow(const BackwardProblem& problem, const ProblemRow& row)
      : p_(problem), f_(problem.forward), at_(row) {}

  void run(const Visibility& visible);

  const std::vector<Pair>& pairs() const { return pairs_; }
  const RowFacts& facts() const { return facts_; }
  double d_o(int64_t d) const {
    return element(p_.d_o, at_.batch, at_.head, at_.q, d);
  }
  double q(int64_t d) const {
    return element(f_.q, at_.batch, at_.head, at_.q, d);
  }
  double k(int64_t key, int64_t d) const {
    return element(f_.k, at_.batch, f_.kv_head(at_.head), key, d);
  }
  double v(int64_t key, int64_t d) const {
    return element(f_.v, at_.batch, f_.kv_head(at_.head), key, d);
  }

 private:
  static double element(const Input& tensor, int64_t i, int64_t j, int64_t l,
                        int64_t d) {
    return static_cast<double>(tensor.at(i, j, l)[d * tensor.stride[3]]);
  }
  void set_weights();
  void set_facts();
  Bounded shift() const;
  void set_gradients();

  const BackwardProblem& p_;
  const ForwardProblem& f_;
  ProblemRow at_;
  RowFacts facts_;
  std::vector<Pair> pairs_;
};

void OracleBackwardRow::run(const Visibility& visible) {
  for (int64_t key = 0; key < f_.shape.kv_len; ++key) {
    if (!visible(at_.batch, at_.head, at_.q, key)) continue;
    pairs_.push_back({.k = key, .score = oracle_score(f_, at_, key)});
  }
  set_weights();
  set_facts();
  set_gradients();
}

void OracleBackwardRow::set_weights() {
  double m = -std::numeric_limits<double>::infinity();
  for (const Pair& pair : pairs_) m = std::max(m, pair.score.x);
  double l = 0;
  for (const Pair& pair : pairs_) l += std::exp(pair.score.x - m);
  for (Pair& pair : pairs_) {
    const double w = std::exp(pair.score.x - m) / l;
    pair.w = {w, w, kOracleTiny};
  }
}

void OracleBackwardRow::set_facts() {
  const auto n = static_cast<double>(pairs_.size());
  facts_.chain_number = at_.batch * f_.shape.heads + at_.head;
  facts_.chain = std::max(
      {std::min(n, kOracleFold) + std::ceil(n / kOracleFold),
       static_cast<double>(f_.head_dim), static_cast<double>(f_.value_dim)});
  for (const Pair& pair : pairs_) {
    facts_.score = std::max(facts_.score, pair.score.magnitude);
  }
}

// delta - d_lse: what every gradient of a weight is lowered by. The gate of o
// has n 2^-126 max |v| for what is flushed.
Bounded OracleBackwardRow::shift() const {
  Bounded result;
  for (int64_t d = 0; d < f_.value_dim; ++d) {
    double o = 0;
    double absolute = 0;
    double largest = 0;
    for (const Pair& pair : pairs_) {
      const double value = v(pair.k, d);
      o += pair.w.value * value;
      absolute += pair.w.value * std::fabs(value);
      largest = std::max(largest, std::fabs(value));
    }
    result.value += d_o(d) * o;
    result.absolute += std::fabs(d_o(d)) * absolute;
    result.flushed += std::fabs(d_o(d)) * largest *
                      static_cast<double>(pairs_.size()) * kOracleTiny;
  }
  if (p_.d_lse.given()) {
    const auto d_lse =
        static_cast<double>(*p_.d_lse.at(at_.batch, at_.head, at_.q));
    result.value -= d_lse;
    result.absolute += std::fabs(d_lse);
  }
  return result;
}

void OracleBackwardRow::set_gradients() {
  const Bounded lowered = shift();
  for (Pair& pair : pairs_) {
    double d_weight = -lowered.value;
    double absolute = lowered.absolute;
    for (int64_t d = 0; d < f_.value_dim; ++d) {
      const double term = d_o(d) * v(pair.k, d);
      d_weight += term;
      absolute += std::fabs(term);
    }
    pair.d_bias = pair.w.times(d_weight, absolute);
    pair.d_bias.flushed += pair.w.value * lowered.flushed;
    const double squared = pair.score.tanh * pair.score.tanh;
    pair.d_score = pair.d_bias.times(1 - squared, 1 + squared);
  }
}

// All rows, and the sums over them.
class OracleBackward {
 public:
  explicit OracleBackward(const BackwardProblem& problem)
      : p_(problem),
        f_(problem.forward),
        dk_(sums(f_.shape.batch * f_.kv_heads * f_.shape.kv_len * f_.head_dim)),
        dv_(sums(f_.shape.batch * f_.kv_heads * f_.shape.kv_len *
                 f_.value_dim)) {
    if (!p_.dbias.given()) return;
    const auto& [batch, heads, q_len, kv_len] = f_.shape;
    const int64_t full[] = {batch, heads, q_len, kv_len};
    int64_t size = 1;
    for (size_t axis = 0; axis < 4; ++axis) {
      bias_[axis] = p_.dbias.stride[axis] == 0 ? 1 : full[axis];
      size *= bias_[axis];
    }
    dbias_ = sums(size);
  }

  OracleGradients run(const Visibility& visible);

 private:
  static std::vector<Sum> sums(int64_t size) {
    return std::vector<Sum>(static_cast<size_t>(size));
  }
  void add_query(const OracleBackwardRow& row);
  void add_keys(const OracleBackwardRow& row, const ProblemRow& at);
  void add_bias(const OracleBackwardRow& row, const ProblemRow& at);

  const BackwardProblem& p_;
  const ForwardProblem& f_;
  int64_t bias_[4] = {0, 0, 0, 0};  // shape of dbias
  OracleGradient dq_;
  std::vector<Sum> dk_;
  std::vector<Sum> dv_;
  std::vector<Sum> dbias_;
};

void OracleBackward::add_query(const OracleBackwardRow& row) {
  for (int64_t d = 0; d < f_.head_dim; ++d) {
    Sum dq;
    for (const Pair& pair : row.pairs()) {
      dq.add(
          pair.d_score.times(static_cast<double>(f_.scale) * row.k(pair.k, d)),
          row.facts());
    }
    dq_.value.push_back(dq.sum.value);
    dq_.gate.push_back(dq.gate(row.facts().chain));
  }
}

void OracleBackward::add_keys(const OracleBackwardRow& row,
                              const ProblemRow& at) {
  const int64_t first =
      (at.batch * f_.kv_heads + f_.kv_head(at.head)) * f_.shape.kv_len;
  for (const Pair& pair : row.pairs()) {
    Sum* dk = dk_.data() + (first + pair.k) * f_.head_dim;
    for (int64_t d = 0; d < f_.head_dim; ++d) {
      dk[d].add(pair.d_score.times(static_cast<double>(f_.scale) * row.q(d)),
                row.facts());
    }
    Sum* dv = dv_.data() + (first + pair.k) * f_.value_dim;
    for (int64_t d = 0; d < f_.value_dim; ++d) {
      dv[d].add(pair.w.times(row.d_o(d)), row.facts());
    }
  }
}

void OracleBackward::add_bias(const OracleBackwardRow& row,
                              const ProblemRow& at) {
  const auto index = [this](size_t axis, int64_t i) {
    return bias_[axis] == 1 ? 0 : i;
  };
  const int64_t first =
      (index(0, at.batch) * bias_[1] + index(1, at.head)) * bias_[2] +
      index(2, at.q);
  for (const Pair& pair : row.pairs()) {
    const auto to = static_cast<size_t>(first * bias_[3] + index(3, pair.k));
    dbias_[to].add(pair.d_bias, row.facts());
  }
}

OracleGradients OracleBackward::run(const Visibility& visible) {
  const ProblemShape& shape = f_.shape;
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) {
        const ProblemRow at = {b, h, q};
        OracleBackwardRow row(p_, at);
        row.run(visible);
        add_query(row);
        add_keys(row, at);
        if (p_.dbias.given()) add_bias(row, at);
      }
    }
  }
  const int64_t group = f_.kv_heads == 0 ? 0 : shape.heads / f_.kv_heads;
  int64_t bias_parts = 1;
  if (p_.dbias.given()) {
    bias_parts =
        (bias_[0] == 1 ? shape.batch : 1) * (bias_[1] == 1 ? shape.heads : 1);
  }
  return {dq_, gradient_of(dk_, group), gradient_of(dv_, group),
          gradient_of(dbias_, bias_parts)};
}

}  // namespace

OracleGradients oracle_backward(const BackwardProblem& problem,
                                const Visibility& visible) {
  return OracleBackward(problem).run(visible);
}

}  // namespace maskwise::detail
