#include "inspect/compare_variants.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/format.h"

namespace maskwise::detail {
namespace {

constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

struct VariantWords {
  std::string_view name;
  std::string_view text;
};

constexpr std::array<VariantWords, kVariants.size()> kWords = {{
    {"masked_absent", "maskwise: a masked key is not there"},
    {"add_minus_1e9", "-1e9 added to masked logits, before the softmax"},
    {"add_minus_1e4", "-1e4 added to masked logits (fits into f16)"},
    {"multiply_logits", "logits multiplied by 0 or 1: masked logits become 0"},
    {"multiply_weights", "weights multiplied by 0 or 1, after the softmax"},
    {"multiply_weights_renormalised", "the same, then divided by what is left"},
    {"inverted_polarity", "the mask negated: only masked keys are seen"},
}};

float bias_of(const ForwardProblem& problem, const ProblemRow& row,
              int64_t key) {
  float bias = 0;
  if (problem.bias.given()) {
    bias = problem.bias.at(row.batch, row.head,
                           row.q)[key * problem.bias.stride[3]];
    if (bias == kMinusInfinity) bias = 0;
  }
  if (problem.has_alibi()) {
    bias += problem.slope(row.head) *
            static_cast<float>(problem.distance(row.batch, row.q, key));
  }
  return bias;
}

// The softmax of the logits of some keys; 0 for the others.
std::vector<float> softmax_where(const std::vector<float>& logits,
                                 const std::vector<uint8_t>& seen,
                                 uint8_t wanted) {
  std::vector<float> chosen;
  for (size_t k = 0; k < logits.size(); ++k) {
    if (seen[k] == wanted) chosen.push_back(logits[k]);
  }
  const std::vector<float> some = plain_softmax(chosen);
  std::vector<float> weights(logits.size(), 0.0F);
  for (size_t k = 0, at = 0; k < logits.size(); ++k) {
    if (seen[k] == wanted) weights[k] = some[at++];
  }
  return weights;
}

std::vector<float> softmax_of_added(std::vector<float> logits,
                                    const std::vector<uint8_t>& seen,
                                    float masked) {
  for (size_t k = 0; k < logits.size(); ++k) {
    logits[k] += (seen[k] != 0 ? 0.0F : masked);
  }
  return plain_softmax(logits);
}

void multiply(std::vector<float>& values, const std::vector<uint8_t>& seen) {
  for (size_t k = 0; k < values.size(); ++k) {
    values[k] *= static_cast<float>(seen[k]);
  }
}

void divide_by_sum(std::vector<float>& weights) {
  float sum = 0;
  for (const float weight : weights) sum += weight;
  for (float& weight : weights) weight /= sum;
}

// "1/5" for the weight of five equal keys.
std::string words_of_uniform(size_t keys) {
  return formatted("uniform weights 1/{}: the mean of all values", keys);
}

}  // namespace

std::string_view name_of(Variant variant) {
  return kWords[static_cast<size_t>(variant)].name;
}

std::string_view text_of(Variant variant) {
  return kWords[static_cast<size_t>(variant)].text;
}

float plain_score(const ForwardProblem& problem, const ProblemRow& row,
                  int64_t key, float k_shift) {
  const float* query = problem.q.at(row.batch, row.head, row.q);
  const float* line = problem.k.at(row.batch, problem.kv_head(row.head), key);
  float x = 0;
  for (int64_t d = 0; d < problem.head_dim; ++d) {
    x += query[d * problem.q.stride[3]] *
         (line[d * problem.k.stride[3]] + k_shift);
  }
  return x * problem.scale;
}

std::vector<float> plain_logits(const ForwardProblem& problem,
                                const ProblemRow& row, float k_shift) {
  std::vector<float> logits;
  for (int64_t key = 0; key < problem.shape.kv_len; ++key) {
    float x = plain_score(problem, row, key, k_shift);
    if (problem.softcap > 0) {
      x = problem.softcap * std::tanh(x / problem.softcap);
    }
    logits.push_back(x + bias_of(problem, row, key));
  }
  return logits;
}

std::vector<float> plain_softmax(const std::vector<float>& logits) {
  std::vector<float> weights = logits;
  if (weights.empty()) return weights;
  const float most = *std::ranges::max_element(weights);
  for (float& weight : weights) weight = std::exp(weight - most);
  divide_by_sum(weights);
  return weights;
}

std::vector<float> plain_weights(Variant variant,
                                 const std::vector<float>& logits,
                                 const std::vector<uint8_t>& seen) {
  constexpr float kMinus1e9 = -1e9F;
  constexpr float kMinus1e4 = -1e4F;
  std::vector<float> values;
  switch (variant) {
    case Variant::masked_absent:
      return softmax_where(logits, seen, 1);
    case Variant::add_minus_1e9:
      return softmax_of_added(logits, seen, kMinus1e9);
    case Variant::add_minus_1e4:
      return softmax_of_added(logits, seen, kMinus1e4);
    case Variant::multiply_logits:
      values = logits;
      multiply(values, seen);
      return plain_softmax(values);
    case Variant::multiply_weights:
      values = plain_softmax(logits);
      multiply(values, seen);
      return values;
    case Variant::multiply_weights_renormalised:
      values = plain_softmax(logits);
      multiply(values, seen);
      divide_by_sum(values);
      return values;
    case Variant::inverted_polarity:
      return softmax_where(logits, seen, 0);
  }
  return values;
}

std::string describe_fully_masked(const std::vector<float>& weights,
                                  const std::vector<float>& unmasked) {
  // -1e4 rounds logits to multiples of 2^-10, and so changes a weight by about
  // a thousandth of itself.
  constexpr float kSame = 2e-3F;
  if (weights.empty()) return "0";
  if (std::ranges::any_of(weights, [](float w) { return std::isnan(w); })) {
    return "NaN";
  }
  const auto [least, most] = std::ranges::minmax(weights);
  if (most == 0) return "0";
  if (least == most) return words_of_uniform(weights.size());
  bool same = true;
  for (size_t k = 0; k < weights.size(); ++k) {
    same = same && std::fabs(weights[k] - unmasked[k]) <= kSame * unmasked[k];
  }
  return formatted("weights {:.3g} to {:.3g}{}", least, most,
                   same ? ", as if nothing were masked" : "");
}

}  // namespace maskwise::detail
