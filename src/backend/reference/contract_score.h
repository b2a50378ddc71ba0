// The score of one pair as the row contract defines it, which forward and
// backward share.
#ifndef MASKWISE_BACKEND_REFERENCE_CONTRACT_SCORE_H_
#define MASKWISE_BACKEND_REFERENCE_CONTRACT_SCORE_H_

#include <cmath>
#include <cstdint>

#include "backend/forward_problem.h"
#include "backend/row_math.h"

namespace maskwise::detail {

// The three stages of a score, and the slope of the softcap between the first
// two: 1 - tanh^2, or 1 where there is none.
struct ContractScore {
  float raw = 0;
  float capped = 0;
  float biased = 0;
  float slope = 1;
};

inline ContractScore contract_score(const ForwardProblem& p,
                                    const ProblemRow& row, int64_t k) {
  const auto [b, h, q] = row;
  const float* query = p.q.at(b, h, q);
  const float* key = p.k.at(b, p.kv_head(h), k);
  float x = 0;
  for (int64_t d = 0; d < p.head_dim; ++d) {
    const float scaled = query[d * p.q.stride[3]] * p.scale;
    x = std::fma(scaled, key[d * p.k.stride[3]], x);
  }
  ContractScore score;
  score.raw = x;
  if (p.softcap > 0) {
    const float t = tanh_contract(x * (1.0F / p.softcap));
    x = p.softcap * t;
    score.slope = std::fma(-t, t, 1.0F);
  }
  score.capped = x;
  if (p.bias.given()) x = x + p.bias.at(b, h, q)[k * p.bias.stride[3]];
  if (p.has_alibi()) {
    x = x + p.slope(h) * static_cast<float>(p.distance(b, q, k));
  }
  score.biased = x;
  return score;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_CONTRACT_SCORE_H_
