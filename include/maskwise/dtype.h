// Element types of tensors.
#ifndef MASKWISE_DTYPE_H_
#define MASKWISE_DTYPE_H_

#include <cstdint>
#include <string_view>

namespace maskwise {

enum class DType {
  boolean,
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  f16,
  bf16,
  f32,
  f64,
};

// Bytes of one element.
int64_t size_of(DType dtype);

// "bool", "u8", ..., "f16", "bf16", "f32", "f64".
std::string_view name_of(DType dtype);

// f16, bf16, f32 or f64.
bool is_floating(DType dtype);

// The DType that stores T: bool, the fixed-width integers, float and double.
template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<bool>() {
  return DType::boolean;
}
template <>
constexpr DType dtype_of<uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<uint16_t>() {
  return DType::u16;
}
template <>
constexpr DType dtype_of<int16_t>() {
  return DType::i16;
}
template <>
constexpr DType dtype_of<uint32_t>() {
  return DType::u32;
}
template <>
constexpr DType dtype_of<uint64_t>() {
  return DType::u64;
}
template <>
constexpr DType dtype_of<int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}

}  // namespace maskwise

#endif  // MASKWISE_DTYPE_H_
