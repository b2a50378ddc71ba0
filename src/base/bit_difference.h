// How many bits of numbers differ.
#ifndef MASKWISE_BASE_BIT_DIFFERENCE_H_
#define MASKWISE_BASE_BIT_DIFFERENCE_H_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace maskwise::detail {

inline int64_t bits_between(float a, float b) {
  return std::popcount(std::bit_cast<uint32_t>(a) ^ std::bit_cast<uint32_t>(b));
}

inline int64_t bits_between(double a, double b) {
  return std::popcount(std::bit_cast<uint64_t>(a) ^ std::bit_cast<uint64_t>(b));
}

// One NaN is as good as another: their signs and payloads are no number's.
template <typename Float>
int64_t bits_between_numbers(Float a, Float b) {
  return std::isnan(a) && std::isnan(b) ? 0 : bits_between(a, b);
}

inline int64_t bits_between(const float* a, const float* b, int64_t count) {
  if (count == 0) return 0;
  // Nearly always; counting would take longer than the calls that are tried.
  const auto bytes = static_cast<size_t>(count) * sizeof(float);
  if (std::memcmp(a, b, bytes) == 0) return 0;
  int64_t bits = 0;
  for (int64_t i = 0; i < count; ++i) bits += bits_between(a[i], b[i]);
  return bits;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_BIT_DIFFERENCE_H_
