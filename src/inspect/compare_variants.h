// The usual ways of applying a mask, for one row, as tutorials write them: f32,
// a softmax that subtracts the maximum, std::exp.
#ifndef MASKWISE_INSPECT_COMPARE_VARIANTS_H_
#define MASKWISE_INSPECT_COMPARE_VARIANTS_H_

#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/forward_problem.h"

namespace maskwise::detail {

enum class Variant {
  masked_absent,  // ours
  add_minus_1e9,
  add_minus_1e4,
  multiply_logits,
  multiply_weights,
  multiply_weights_renormalised,
  inverted_polarity,
};

inline constexpr std::array<Variant, 7> kVariants = {
    Variant::masked_absent,     Variant::add_minus_1e9,
    Variant::add_minus_1e4,     Variant::multiply_logits,
    Variant::multiply_weights,  Variant::multiply_weights_renormalised,
    Variant::inverted_polarity,
};

// "add_minus_1e9"; what it does to a masked key, in a few words.
std::string_view name_of(Variant variant);
std::string_view text_of(Variant variant);

// The larger number; NaN wins, so that none is lost.
inline double larger(double a, double b) {
  return std::isnan(a) || a > b ? a : b;
}

// scale * q.k of one pair; `k_shift` is added to every entry of k.
float plain_score(const ForwardProblem& problem, const ProblemRow& row,
                  int64_t key, float k_shift);

// The logits of one row for every key: scale * q.k, softcap, bias, ALiBi; a
// bias of -inf masks its key and adds nothing here. `k_shift` is added to every
// entry of k.
std::vector<float> plain_logits(const ForwardProblem& problem,
                                const ProblemRow& row, float k_shift);

// The softmax of all logits; NaN where there is nothing to divide by.
std::vector<float> plain_softmax(const std::vector<float>& logits);

// The weights that a variant gives a row that sees the flagged keys. For
// masked_absent and inverted_polarity what is masked is left out, and a row
// with nothing left has weights 0.
std::vector<float> plain_weights(Variant variant,
                                 const std::vector<float>& logits,
                                 const std::vector<uint8_t>& seen);

// What a row without a key got from a variant, in words: its weights against
// those of the softmax without any mask.
std::string describe_fully_masked(const std::vector<float>& weights,
                                  const std::vector<float>& unmasked);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_COMPARE_VARIANTS_H_
