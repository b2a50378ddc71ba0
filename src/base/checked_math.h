// Arithmetic on sizes that a user can choose: nothing here overflows.
#ifndef MASKWISE_BASE_CHECKED_MATH_H_
#define MASKWISE_BASE_CHECKED_MATH_H_

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>

namespace maskwise::detail {

// 128 bits hold any sum or difference of a few 64-bit numbers.
__extension__ using wide_int = __int128;

// a * b for sizes (both >= 0), or nothing when it leaves 63 bits.
inline std::optional<int64_t> checked_product(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

// `value` limited to [low, high].
inline int64_t clamp_wide(wide_int value, int64_t low, int64_t high) {
  if (value < low) return low;
  if (value > high) return high;
  return static_cast<int64_t>(value);
}

// value mod divisor in [0, divisor), divisor >= 1.
inline int64_t floor_mod(wide_int value, int64_t divisor) {
  const wide_int rest = value % divisor;
  return static_cast<int64_t>(rest < 0 ? rest + divisor : rest);
}

// floor(value / divisor), divisor >= 1.
inline wide_int floor_div(wide_int value, int64_t divisor) {
  return (value - floor_mod(value, divisor)) / divisor;
}

// ceil(value / divisor) for value >= 0 and divisor >= 1.
inline int64_t ceil_div(int64_t value, int64_t divisor) {
  return value / divisor + (value % divisor != 0 ? 1 : 0);
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_CHECKED_MATH_H_
