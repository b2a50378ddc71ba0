#include "maskwise/dtype.h"

#include <gtest/gtest.h>

namespace maskwise {
namespace {

struct Expected {
  DType dtype;
  int64_t size;
  std::string_view name;
  bool floating;
};

constexpr Expected kExpected[] = {
    {DType::boolean, 1, "bool", false}, {DType::u8, 1, "u8", false},
    {DType::i8, 1, "i8", false},        {DType::u16, 2, "u16", false},
    {DType::i16, 2, "i16", false},      {DType::u32, 4, "u32", false},
    {DType::i32, 4, "i32", false},      {DType::u64, 8, "u64", false},
    {DType::i64, 8, "i64", false},      {DType::f16, 2, "f16", true},
    {DType::bf16, 2, "bf16", true},     {DType::f32, 4, "f32", true},
    {DType::f64, 8, "f64", true}};

TEST(DType, EveryTypeHasItsSizeNameAndKind) {
  for (const Expected& expected : kExpected) {
    EXPECT_EQ(size_of(expected.dtype), expected.size) << expected.name;
    EXPECT_EQ(name_of(expected.dtype), expected.name);
    EXPECT_EQ(is_floating(expected.dtype), expected.floating) << expected.name;
  }
}

TEST(DType, CppTypesMapToTheTypeThatStoresThem) {
  EXPECT_EQ(dtype_of<bool>(), DType::boolean);
  EXPECT_EQ(dtype_of<uint8_t>(), DType::u8);
  EXPECT_EQ(dtype_of<int32_t>(), DType::i32);
  EXPECT_EQ(dtype_of<int64_t>(), DType::i64);
  EXPECT_EQ(dtype_of<float>(), DType::f32);
  EXPECT_EQ(dtype_of<double>(), DType::f64);
}

}  // namespace
}  // namespace maskwise
