// Bits that differ, and the rows or keys that they belong to.
#ifndef MASKWISE_INSPECT_VERIFY_BITS_H_
#define MASKWISE_INSPECT_VERIFY_BITS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/bit_difference.h"

namespace maskwise::detail {

// Rows and keys that a report names.
inline constexpr size_t kMostNamed = 8;

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
