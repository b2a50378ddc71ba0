// Odd values in random calls: NaN of both kinds, infinities, huge numbers,
// denormals, zeros of both signs, finfo.min and -inf.
#ifndef MASKWISE_TESTS_SUPPORT_ODD_VALUES_H_
#define MASKWISE_TESTS_SUPPORT_ODD_VALUES_H_

#include <bit>
#include <cstdint>
#include <iterator>
#include <random>

#include "tests/support/attention_case.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {

// qNaN, sNaN (each also negative, with a payload), +-Inf, +-1e30, denormals.
inline constexpr uint32_t kOddBits[] = {
    0x7FC00000, 0xFFC01234, 0x7F800001, 0xFF812345, 0x7F800000, 0xFF800000,
    0x7149F2CA, 0xF149F2CA, 0x00000001, 0x80000001, 0x00400000};

// What most values of a case are.
enum class Ordinary { normal, tiny, many_zeros, large };

inline float ordinary_value(Rng& rng, Ordinary kind) {
  const float x = std::normal_distribution<float>()(rng);
  switch (kind) {
    case Ordinary::tiny:
      return x * 1e-22F;  // products are denormal
    case Ordinary::many_zeros:
      return one_in(rng, 3) ? (one_in(rng, 2) ? 0.0F : -0.0F) : x;
    case Ordinary::large:
      return x * 6;
    default:
      return x;
  }
}

// Puts odd values into a few elements of q, k, v and bias.
inline void put_odd_values(Rng& rng, AttentionCase& call, int64_t most) {
  for (int64_t left = uniform(rng, 0, most); left > 0; --left) {
    Tensor& tensor = call.owned[static_cast<size_t>(
        uniform(rng, 0, std::ssize(call.owned) - 1))];
    const uint32_t bits = kOddBits[uniform(rng, 0, std::ssize(kOddBits) - 1)];
    tensor.mutable_data<float>()[uniform(rng, 0, tensor.size() - 1)] =
        std::bit_cast<float>(bits);
  }
}

// Makes biases -inf or finfo.min here and there, or finfo.min everywhere.
inline void put_lowest_biases(Rng& rng, Tensor& bias) {
  const bool everywhere = one_in(rng, 4);
  for (int64_t i = 0; i < bias.size(); ++i) {
    float& each = bias.mutable_data<float>()[i];
    const int64_t kind = uniform(rng, 0, 5);
    if (everywhere || kind == 0) each = kFinfoMin;
    if (!everywhere && kind == 1) each = kMinusInf;
  }
}

inline AttentionCase odd_case(Rng& rng, const Limits& limits,
                              int64_t most_odd) {
  const auto kind = static_cast<Ordinary>(uniform(rng, 0, 3));
  AttentionCase call = random_case(
      rng, limits, [&rng, kind] { return ordinary_value(rng, kind); });
  if (call.bias.defined() && one_in(rng, 2)) put_lowest_biases(rng, call.bias);
  put_odd_values(rng, call, most_odd);
  return call;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ODD_VALUES_H_
