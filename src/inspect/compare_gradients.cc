#include "inspect/compare_gradients.h"

#include <cmath>

namespace maskwise::detail {
namespace {

using Values = std::vector<float>;

float dot(const Values& a, const Values& b) {
  float sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

void multiply(Values& values, const std::vector<uint8_t>& seen) {
  for (size_t k = 0; k < values.size(); ++k) {
    values[k] *= static_cast<float>(seen[k]);
  }
}

// Through softmax(logits) = weights.
Values through_softmax(const Values& weights, Values d_weights) {
  const float mean = dot(weights, d_weights);
  for (size_t k = 0; k < weights.size(); ++k) {
    d_weights[k] = weights[k] * (d_weights[k] - mean);
  }
  return d_weights;
}

// Through shares = values / (their sum).
Values through_division(const Values& values, Values d_shares) {
  float sum = 0;
  for (const float value : values) sum += value;
  const float mean = dot(values, d_shares) / sum;
  for (float& d_share : d_shares) d_share = (d_share - mean) / sum;
  return d_shares;
}

// The sum of the values of each key: the gradient of the sum of the outputs
// with respect to its weight.
Values sums_of_values(const Tensor& v) {
  Values sums;
  const float* value = v.data<float>();
  for (int64_t key = 0; key < v.dim(2); ++key) {
    float sum = 0;
    for (int64_t d = 0; d < v.dim(3); ++d) sum += *value++;
    sums.push_back(sum);
  }
  return sums;
}

// What a logit's gradient is multiplied by to become that of q.k.
float slope_of_logit(const ForwardProblem& problem, const ProblemRow& row,
                     int64_t key) {
  if (problem.softcap == 0) return problem.scale;
  const float capped =
      std::tanh(plain_score(problem, row, key, 0) / problem.softcap);
  return problem.scale * (1 - capped * capped);
}

}  // namespace

Values plain_logit_gradient(Variant variant, const Values& logits,
                            const std::vector<uint8_t>& seen,
                            const Values& d_weights) {
  Values result = d_weights;
  switch (variant) {
    case Variant::masked_absent:
    case Variant::add_minus_1e9:
    case Variant::add_minus_1e4:
    case Variant::inverted_polarity:
      return through_softmax(plain_weights(variant, logits, seen), result);
    case Variant::multiply_logits:
      result = through_softmax(plain_weights(variant, logits, seen), result);
      multiply(result, seen);
      return result;
    case Variant::multiply_weights:
      multiply(result, seen);
      return through_softmax(plain_softmax(logits), result);
    case Variant::multiply_weights_renormalised:
      result = through_division(
          plain_weights(Variant::multiply_weights, logits, seen), result);
      multiply(result, seen);
      return through_softmax(plain_softmax(logits), result);
  }
  return result;
}

double plain_masked_gradient(Variant variant, const ForwardProblem& problem,
                             const ProblemRow& row,
                             const std::vector<uint8_t>& seen,
                             const Tensor& v) {
  const Values logits = plain_logits(problem, row, 0);
  const Values weights = plain_weights(variant, logits, seen);
  const Values d_logits =
      plain_logit_gradient(variant, logits, seen, sums_of_values(v));
  const float* query = problem.q.at(row.batch, row.head, row.q);
  double most = 0;
  for (size_t key = 0; key < seen.size(); ++key) {
    if (seen[key] != 0) continue;
    most = larger(std::fabs(weights[key]), most);  // of v, times 1
    const float d_score =
        d_logits[key] * slope_of_logit(problem, row, static_cast<int64_t>(key));
    for (int64_t d = 0; d < problem.head_dim; ++d) {
      most = larger(std::fabs(d_score * query[d * problem.q.stride[3]]), most);
    }
  }
  return most;
}

}  // namespace maskwise::detail
