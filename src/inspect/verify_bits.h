// Bits that differ, and the rows or keys that they belong to.
#ifndef MASKWISE_INSPECT_VERIFY_BITS_H_
#define MASKWISE_INSPECT_VERIFY_BITS_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace maskwise::detail {

// Rows and keys that a report names.
inline constexpr size_t kMostNamed = 8;

inline int64_t bits_between(float a, float b) {
  return std::popcount(std::bit_cast<uint32_t>(a) ^ std::bit_cast<uint32_t>(b));
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

// The first few places where there are any.
inline std::vector<int64_t> first_changed(const std::vector<int64_t>& bits) {
  std::vector<int64_t> places;
  for (size_t i = 0; i < bits.size() && places.size() < kMostNamed; ++i) {
    if (bits[i] != 0) places.push_back(static_cast<int64_t>(i));
  }
  return places;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_BITS_H_
