#include "backend/reference/contract_backward.h"

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

// A visible pair of a row; one whose score is -inf adds nothing anywhere.
struct Pair {
  int64_t k = 0;
  float w = 0;        // softmax weight
  float d_score = 0;  // of the product scale * q.k
  float d_bias = 0;   // of the score after the softcap
  bool adds = false;
};

// One (batch, head): its rows in ascending order, and the chains over them.
class Head {
 public:
  Head(const BackwardProblem& problem, int64_t batch, int64_t head)
      : p_(problem),
        f_(problem.forward),
        b_(batch),
        h_(head),
        dk_(static_cast<size_t>(f_.shape.kv_len * f_.head_dim), 0.0F),
        dv_(static_cast<size_t>(f_.shape.kv_len * f_.value_dim), 0.0F) {}

  void run(const Visibility& visible);

  // Adds the head's chains to those of the heads before it in its group.
  void add_to(std::vector<float>& dk, std::vector<float>& dv) const {
    for (size_t i = 0; i < dk.size(); ++i) dk[i] = dk[i] + f_.scale * dk_[i];
    for (size_t i = 0; i < dv.size(); ++i) dv[i] = dv[i] + dv_[i];
  }

  // The same for the gradient of the bias.
  void add_bias_to(const Output& dbias) const {
    for (size_t i = 0; i < d_bias_.size(); ++i) {
      const auto at = static_cast<int64_t>(i);
      float* row = dbias.at(b_, h_, at / bias_columns());
      float& sum = row[at % bias_columns()];
      sum = sum + d_bias_[i];
    }
  }

 private:
  int64_t bias_rows() const {
    return p_.dbias.stride[2] == 0 ? 1 : f_.shape.q_len;
  }
  int64_t bias_columns() const {
    return p_.dbias.stride[3] == 0 ? 1 : f_.shape.kv_len;
  }
  std::vector<Pair> pairs_of(int64_t q, const Visibility& visible) const;
  float shift_of(int64_t q) const;
  float d_weight(int64_t q, int64_t k) const;
  void write_dq(int64_t q, const std::vector<Pair>& pairs) const;
  void add_keys(int64_t q, const std::vector<Pair>& pairs);
  void add_bias(int64_t q, const std::vector<Pair>& pairs);

  const BackwardProblem& p_;
  const ForwardProblem& f_;
  int64_t b_;
  int64_t h_;
  std::vector<float> dk_;  // [Lk][D], without the scale
  std::vector<float> dv_;  // [Lk][Dv]
  // [bias_rows()][bias_columns()]: a chain each over pairs in order.
  std::vector<float> d_bias_;
};

// The gradient of the softmax weight: dO . v.
float Head::d_weight(int64_t q, int64_t k) const {
  const float* d_o = p_.d_o.at(b_, h_, q);
  const float* v = f_.v.at(b_, f_.kv_head(h_), k);
  float sum = 0;
  for (int64_t d = 0; d < f_.value_dim; ++d) {
    sum = std::fma(d_o[d * p_.d_o.stride[3]], v[d * f_.v.stride[3]], sum);
  }
  return sum;
}

// What every gradient of a weight of the row is lowered by: delta - d_lse.
float Head::shift_of(int64_t q) const {
  const float* d_o = p_.d_o.at(b_, h_, q);
  const float* o = p_.o.at(b_, h_, q);
  float delta = 0;
  for (int64_t d = 0; d < f_.value_dim; ++d) {
    delta = std::fma(d_o[d * p_.d_o.stride[3]], o[d * p_.o.stride[3]], delta);
  }
  return delta - (p_.d_lse.given() ? *p_.d_lse.at(b_, h_, q) : 0.0F);
}

std::vector<Pair> Head::pairs_of(int64_t q, const Visibility& visible) const {
  const float m = *p_.m.at(b_, h_, q);
  const float r = inverse_of(*p_.l.at(b_, h_, q));
  const float shift = shift_of(q);
  std::vector<Pair> pairs;
  for (int64_t k = 0; k < f_.shape.kv_len; ++k) {
    if (!visible(b_, h_, q, k)) continue;
    Pair pair;
    pair.k = k;
    const ContractScore score = contract_score(f_, {b_, h_, q}, k);
    if (score.biased != kMinusInfinity) {
      pair.adds = true;
      pair.w = exp2_contract((score.biased - m) * kLog2e) * r;
      pair.d_bias = pair.w * (d_weight(q, k) - shift);
      pair.d_score = f_.softcap > 0 ? pair.d_bias * score.slope : pair.d_bias;
    }
    pairs.push_back(pair);
  }
  return pairs;
}

void Head::write_dq(int64_t q, const std::vector<Pair>& pairs) const {
  float* dq = p_.dq.at(b_, h_, q);
  for (int64_t d = 0; d < f_.head_dim; ++d) {
    float row = 0;
    for (size_t begin = 0; begin < pairs.size(); begin += kKeysPerFold) {
      const size_t end = std::min(begin + kKeysPerFold, pairs.size());
      float fold = 0;
      for (size_t j = begin; j < end; ++j) {
        if (!pairs[j].adds) continue;
        const float* key = f_.k.at(b_, f_.kv_head(h_), pairs[j].k);
        fold = std::fma(pairs[j].d_score, key[d * f_.k.stride[3]], fold);
      }
      row = row + fold;
    }
    dq[d] = stored(f_.scale * row);
  }
}

void Head::add_keys(int64_t q, const std::vector<Pair>& pairs) {
  const float* query = f_.q.at(b_, h_, q);
  const float* d_o = p_.d_o.at(b_, h_, q);
  for (const Pair& pair : pairs) {
    if (!pair.adds) continue;
    float* dk = dk_.data() + pair.k * f_.head_dim;
    for (int64_t d = 0; d < f_.head_dim; ++d) {
      dk[d] = std::fma(pair.d_score, query[d * f_.q.stride[3]], dk[d]);
    }
    float* dv = dv_.data() + pair.k * f_.value_dim;
    for (int64_t d = 0; d < f_.value_dim; ++d) {
      dv[d] = std::fma(pair.w, d_o[d * p_.d_o.stride[3]], dv[d]);
    }
  }
}

void Head::run(const Visibility& visible) {
  for (int64_t q = 0; q < f_.shape.q_len; ++q) {
    const std::vector<Pair> pairs = pairs_of(q, visible);
    write_dq(q, pairs);
    add_keys(q, pairs);
    if (p_.dbias.given()) add_bias(q, pairs);
  }
}

// Elements of the bias that the pair's row, or key, belongs to.
void Head::add_bias(int64_t q, const std::vector<Pair>& pairs) {
  d_bias_.resize(static_cast<size_t>(bias_rows() * bias_columns()), 0.0F);
  for (const Pair& pair : pairs) {
    const int64_t row = bias_rows() == 1 ? 0 : q;
    const int64_t column = bias_columns() == 1 ? 0 : pair.k;
    float& sum = d_bias_[static_cast<size_t>(row * bias_columns() + column)];
    sum = sum + pair.d_bias;
  }
}

void write(const Output& to, int64_t b, int64_t head,
           const std::vector<float>& rows, int64_t width) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    to.at(b, head, at / width)[at % width] = stored(rows[i]);
  }
}

}  // namespace

void contract_backward(const BackwardProblem& problem,
                       const Visibility& visible) {
  const FpEnvironment environment;
  const ForwardProblem& f = problem.forward;
  if (f.kv_heads == 0) return;
  const int64_t group = f.shape.heads / f.kv_heads;
  for (int64_t b = 0; b < f.shape.batch; ++b) {
    for (int64_t kv_head = 0; kv_head < f.kv_heads; ++kv_head) {
      std::vector<float> dk(static_cast<size_t>(f.shape.kv_len * f.head_dim),
                            0.0F);
      std::vector<float> dv(static_cast<size_t>(f.shape.kv_len * f.value_dim),
                            0.0F);
      for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
        Head head(problem, b, h);
        head.run(visible);
        head.add_to(dk, dv);
        head.add_bias_to(problem.dbias);
      }
      write(problem.dk, b, kv_head, dk, f.head_dim);
      write(problem.dv, b, kv_head, dv, f.value_dim);
    }
  }
}

}  // namespace maskwise::detail
