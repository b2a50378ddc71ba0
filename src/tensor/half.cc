#include "tensor/half.h"

#include <bit>

namespace maskwise::detail {
namespace {

constexpr uint32_t kF32Infinity = 0x7F800000;

// The upper bits of `magnitude` after dropping `drop` bits, ties to even.
uint32_t round_shift(uint32_t magnitude, int drop) {
  const uint32_t half = 1U << (drop - 1);
  const uint32_t odd = (magnitude >> drop) & 1U;
  return (magnitude + half - 1 + odd) >> drop;
}

}  // namespace

float f32_from_bf16(uint16_t bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

uint16_t bf16_from_f32(float value) {
  if (value != value) return 0x7FC0;
  return static_cast<uint16_t>(round_shift(std::bit_cast<uint32_t>(value), 16));
}

float f32_from_f16(uint16_t bits) {
  const uint32_t sign = (bits & 0x8000U) << 16;
  const uint32_t exponent = (bits >> 10) & 0x1FU;
  const uint32_t fraction = bits & 0x3FFU;
  if (exponent == 0) {  // zero or denormal: fraction * 2^-24, exact in f32
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  if (exponent == 31) {  // infinity or NaN
    return std::bit_cast<float>(sign | kF32Infinity | (fraction << 13));
  }
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) |
                              (fraction << 13));
}

uint16_t f16_from_f32(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000U);
  if (magnitude > kF32Infinity) return 0x7E00;
  // 65520 is the first value that rounds above the largest f16, 65504.
  constexpr uint32_t kOverflow = 0x477FF000;
  if (magnitude >= kOverflow) return static_cast<uint16_t>(sign | 0x7C00U);
  constexpr uint32_t kSmallestNormal = 0x38800000;  // 2^-14
  if (magnitude >= kSmallestNormal) {
    const uint32_t rebased = magnitude - (112U << 23);
    return static_cast<uint16_t>(sign | round_shift(rebased, 13));
  }
  constexpr uint32_t kHalfOfSmallest = 0x33000000;  // 2^-25: ties to zero
  if (magnitude <= kHalfOfSmallest) return sign;
  const int exponent = static_cast<int>(magnitude >> 23);
  const uint32_t fraction = (magnitude & 0x7FFFFFU) | 0x800000U;
  return static_cast<uint16_t>(sign | round_shift(fraction, 126 - exponent));
}

}  // namespace maskwise::detail
