// The score of one pair in float64, which the oracles of both passes share.
#ifndef MASKWISE_BACKEND_REFERENCE_ORACLE_SCORE_H_
#define MASKWISE_BACKEND_REFERENCE_ORACLE_SCORE_H_

#include <cmath>
#include <cstdint>

#include "backend/forward_problem.h"

namespace maskwise::detail {

inline constexpr double kOracleUnit = 0x1p-24;   // half an ulp of 1 in f32
inline constexpr double kOracleTiny = 0x1p-126;  // exp2 is 0 below it
inline constexpr double kOracleFold = 1024;      // keys of a fold

struct OracleScore {
  double x = 0;
  double magnitude = 0;  // the score with every term absolute
  double tanh = 0;       // of the softcap; 0 where there is none
};

inline OracleScore oracle_score(const ForwardProblem& p, const ProblemRow& row,
                                int64_t k) {
  const auto [b, h, q] = row;
  const float* query = p.q.at(b, h, q);
  const float* key = p.k.at(b, p.kv_head(h), k);
  OracleScore score;
  for (int64_t d = 0; d < p.head_dim; ++d) {
    const double term = static_cast<double>(p.scale) *
                        static_cast<double>(query[d * p.q.stride[3]]) *
                        static_cast<double>(key[d * p.k.stride[3]]);
    score.x += term;
    score.magnitude += std::fabs(term);
  }
  if (p.softcap > 0) {
    const auto cap = static_cast<double>(p.softcap);
    score.tanh = std::tanh(score.x / cap);
    score.x = cap * score.tanh;
  }
  double bias = 0;
  if (p.bias.given()) {
    bias = static_cast<double>(p.bias.at(b, h, q)[k * p.bias.stride[3]]);
  }
  if (p.has_alibi()) {
    bias += static_cast<double>(p.slope(h)) *
            static_cast<double>(p.distance(b, q, k));
  }
  score.x += bias;
  score.magnitude += std::fabs(bias);
  return score;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_REFERENCE_ORACLE_SCORE_H_
