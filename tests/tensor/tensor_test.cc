#include "maskwise/tensor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "tests/base/sanitizer_options.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

using testing::throws_error;

// A tensor of any dtype from values of the C++ type that stores it.
template <typename T>
Tensor make(DType dtype, const std::vector<T>& values) {
  Tensor tensor(dtype, {static_cast<int64_t>(values.size())});
  EXPECT_EQ(static_cast<int64_t>(sizeof(T)), size_of(dtype));
  std::memcpy(tensor.mutable_bytes(), values.data(), values.size() * sizeof(T));
  return tensor;
}

std::vector<float> floats(const Tensor& tensor) {
  return {tensor.data<float>(), tensor.data<float>() + tensor.size()};
}

Tensor counted(Shape shape) {
  Tensor tensor(DType::i64, std::move(shape));
  auto* data = tensor.mutable_data<int64_t>();
  std::iota(data, data + tensor.size(), 0);
  return tensor;
}

TEST(Tensor, ANewTensorIsZeroAlignedAndDense) {
  for (const Shape& shape : {Shape{}, Shape{7}, Shape{2, 3, 5}, Shape{0, 4}}) {
    const Tensor tensor(DType::f64, shape);
    EXPECT_TRUE(tensor.defined());
    EXPECT_EQ(tensor.shape(), shape);
    EXPECT_EQ(tensor.byte_size(), element_count(shape) * 8);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.bytes()) % 64, 0U);
    EXPECT_TRUE(tensor.view().is_contiguous());
    for (int64_t i = 0; i < tensor.size(); ++i) {
      EXPECT_EQ(tensor.data<double>()[i], 0.0);
    }
  }
}

TEST(Tensor, ADefaultMadeTensorIsNotDefinedAndClonesToAnother) {
  const Tensor none;
  EXPECT_FALSE(none.defined());
  EXPECT_FALSE(none.clone().defined());
}

TEST(Tensor, ValuesComeInRowMajorOrder) {
  const Tensor tensor = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_EQ(floats(tensor), (std::vector<float>{1, 2, 3, 4}));
  const Tensor flags = Tensor::from<bool>({3}, {true, false, true});
  EXPECT_EQ(to_int64(flags), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(Tensor::from<float>({}, {5}).size(), 1);
  EXPECT_EQ(Tensor::from<float>({0, 2}, {}).size(), 0);
}

TEST(Tensor, AWrongNumberOfValuesIsAnErrorWithBothNumbers) {
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[tensor] expected 4 values for shape [2, 2], got 3",
                           [] {
                             Tensor::from<float>({2, 2}, {1, 2, 3});
                           }));
}

TEST(Tensor, SizesThatCannotBeAreRefused) {
  constexpr int64_t kHuge = int64_t{1} << 61;
  EXPECT_TRUE(throws_error(ErrorCode::limit, "do not fit in 63 bits",
                           [] { Tensor(DType::f32, {kHuge}); }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "does not fit in 63 bits", [] {
    Tensor(DType::u8, {kHuge, kHuge});
  }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "cannot allocate",
                           [] { Tensor(DType::u8, {kHuge}); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "negative size",
                           [] { Tensor(DType::u8, {-1}); }));
}

TEST(Tensor, ACopySharesTheElementsAndACloneDoesNot) {
  Tensor tensor = Tensor::from<float>({2}, {1, 2});
  const Tensor copy = tensor;
  const Tensor clone = tensor.clone();
  tensor.mutable_data<float>()[0] = 9;
  EXPECT_EQ(floats(copy), (std::vector<float>{9, 2}));
  EXPECT_EQ(floats(clone), (std::vector<float>{1, 2}));
}

TEST(Tensor, TheElementsLiveAsLongAsTheLastCopy) {
  Tensor copy;
  {
    const Tensor tensor = Tensor::from<float>({2}, {1, 2});
    copy = tensor;
  }
  EXPECT_EQ(floats(copy), (std::vector<float>{1, 2}));
}

TEST(CopyOf, APermutedViewBecomesDense) {
  const Tensor tensor = counted({2, 3});
  const Tensor turned = Tensor::copy_of(tensor.view().permuted({1, 0}));
  EXPECT_EQ(turned.shape(), (Shape{3, 2}));
  EXPECT_TRUE(turned.view().is_contiguous());
  EXPECT_EQ(to_int64(turned), (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(CopyOf, ABroadcastViewIsRepeated) {
  const Tensor tensor = counted({1, 2, 1});
  const Tensor repeated =
      Tensor::copy_of(tensor.view().broadcast_to({2, 2, 2}));
  EXPECT_EQ(to_int64(repeated), (std::vector<int64_t>{0, 0, 1, 1, 0, 0, 1, 1}));
}

TEST(CopyOf, AStridedViewLeavesOutTheGaps) {
  const Tensor tensor = counted({4, 5});
  const TensorView corner(tensor.bytes(), DType::i64, {2, 3}, {10, 2});
  EXPECT_EQ(to_int64(Tensor::copy_of(corner)),
            (std::vector<int64_t>{0, 2, 4, 10, 12, 14}));
}

TEST(CopyOf, EveryBytePatternOfEveryWidthIsKept) {
  const auto narrow = make<uint16_t>(DType::f16, {0x7C01, 0xFE00, 1, 0x8000});
  const TensorView turned(narrow.bytes(), DType::f16, {2, 2}, {1, 2});
  const Tensor copy = Tensor::copy_of(turned);
  const uint16_t expected[] = {0x7C01, 1, 0xFE00, 0x8000};
  EXPECT_EQ(std::memcmp(copy.bytes(), expected, sizeof(expected)), 0);

  // A signalling NaN stays one.
  const auto wide = make<uint32_t>(DType::f32, {0x7F800001, 0xFFC12345});
  EXPECT_EQ(std::memcmp(wide.clone().bytes(), wide.bytes(), 8), 0);
}

TEST(CopyOf, AnEmptyViewGivesAnEmptyTensor) {
  const TensorView none(nullptr, DType::f32, {3, 0});
  const Tensor copy = Tensor::copy_of(none);
  EXPECT_EQ(copy.shape(), (Shape{3, 0}));
  EXPECT_EQ(copy.size(), 0);
}

TEST(ToF32, EveryTypeConverts) {
  const std::vector<float> zero_and_one = {0, 1};
  EXPECT_EQ(floats(to_f32(Tensor::from<bool>({2}, {false, true}))),
            zero_and_one);
  EXPECT_EQ(floats(to_f32(make<uint8_t>(DType::u8, {0, 255}))),
            (std::vector<float>{0, 255}));
  EXPECT_EQ(floats(to_f32(make<int8_t>(DType::i8, {-128, 127}))),
            (std::vector<float>{-128, 127}));
  EXPECT_EQ(floats(to_f32(make<uint16_t>(DType::u16, {1, 65535}))),
            (std::vector<float>{1, 65535}));
  EXPECT_EQ(floats(to_f32(make<int16_t>(DType::i16, {-32768, 3}))),
            (std::vector<float>{-32768, 3}));
  EXPECT_EQ(floats(to_f32(make<uint32_t>(DType::u32, {1, 0xFFFFFFFF}))),
            (std::vector<float>{1, 0x1p32f}));
  EXPECT_EQ(floats(to_f32(make<int32_t>(DType::i32, {-5, INT32_MIN}))),
            (std::vector<float>{-5, -0x1p31f}));
  EXPECT_EQ(floats(to_f32(make<uint64_t>(DType::u64, {7, UINT64_MAX}))),
            (std::vector<float>{7, 0x1p64f}));
  EXPECT_EQ(floats(to_f32(make<int64_t>(DType::i64, {-9, INT64_MIN}))),
            (std::vector<float>{-9, -0x1p63f}));
  EXPECT_EQ(floats(to_f32(make<uint16_t>(DType::f16, {0x3C00, 0x0001}))),
            (std::vector<float>{1, 0x1p-24f}));
  EXPECT_EQ(floats(to_f32(make<uint16_t>(DType::bf16, {0x3F80, 0xC000}))),
            (std::vector<float>{1, -2}));
  EXPECT_EQ(floats(to_f32(make<float>(DType::f32, {1.5f, -0.0f}))),
            (std::vector<float>{1.5f, -0.0f}));
  EXPECT_EQ(floats(to_f32(make<double>(DType::f64, {0.1, 1e300}))),
            (std::vector<float>{0.1f, std::numeric_limits<float>::infinity()}));
}

TEST(ToF32, IntegersRoundToNearestEven) {
  constexpr int64_t kFirstGap = int64_t{1} << 24;
  const Tensor tensor = Tensor::from<int64_t>(
      {3}, {kFirstGap + 1, kFirstGap + 3, -kFirstGap - 1});
  EXPECT_EQ(floats(to_f32(tensor)),
            (std::vector<float>{0x1p24f, 0x1.000004p24f, -0x1p24f}));
}

TEST(ToF32, TheRoundingModeOfTheCallerIsNeitherUsedNorLost) {
  const Tensor tensor = Tensor::from<double>({2}, {1 + 0x1p-30, 1 - 0x1p-30});
  std::fesetround(FE_UPWARD);
  const Tensor up = to_f32(tensor);
  const int mode = std::fegetround();
  std::fesetround(FE_TONEAREST);
  EXPECT_EQ(mode, FE_UPWARD);
  EXPECT_EQ(floats(up), (std::vector<float>{1, 1}));
}

TEST(ToF32, AStridedViewIsReadThroughItsStrides) {
  const Tensor tensor = counted({2, 3});
  const Tensor turned = to_f32(tensor.view().permuted({1, 0}));
  EXPECT_EQ(turned.shape(), (Shape{3, 2}));
  EXPECT_EQ(floats(turned), (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(FromF32, RoundsToTheNarrowTypes) {
  const Tensor tensor = Tensor::from<float>({3}, {1, 65520, NAN});
  const Tensor f16 = from_f32(tensor, DType::f16);
  const uint16_t f16_bits[] = {0x3C00, 0x7C00, 0x7E00};
  EXPECT_EQ(f16.dtype(), DType::f16);
  EXPECT_EQ(std::memcmp(f16.bytes(), f16_bits, sizeof(f16_bits)), 0);
  const Tensor bf16 = from_f32(tensor, DType::bf16);
  const uint16_t bf16_bits[] = {0x3F80, 0x4780, 0x7FC0};
  EXPECT_EQ(bf16.dtype(), DType::bf16);
  EXPECT_EQ(std::memcmp(bf16.bytes(), bf16_bits, sizeof(bf16_bits)), 0);
}

TEST(FromF32, F32IsACopyOfTheBits) {
  const auto tensor = make<uint32_t>(DType::f32, {0x7F800001, 0x80000000});
  const Tensor copy = from_f32(tensor, DType::f32);
  EXPECT_NE(copy.bytes(), tensor.bytes());
  EXPECT_EQ(std::memcmp(copy.bytes(), tensor.bytes(), 8), 0);
}

TEST(FromF32, AStridedViewIsReadThroughItsStrides) {
  const Tensor tensor = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  const Tensor turned = from_f32(tensor.view().permuted({1, 0}), DType::bf16);
  EXPECT_EQ(floats(to_f32(turned)), (std::vector<float>{1, 3, 2, 4}));
}

TEST(FromF32, OtherTypesAreRefusedOnBothSides) {
  const Tensor f32 = Tensor::from<float>({1}, {1});
  const Tensor f64 = Tensor::from<double>({1}, {1});
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "cannot store f32 as i32; expected f32, f16 or bf16",
                           [&] { from_f32(f32, DType::i32); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "expected elements of type f32, got f64",
                           [&] { from_f32(f64, DType::f16); }));
}

TEST(ToInt64, EveryIntegerTypeKeepsItsValues) {
  EXPECT_EQ(to_int64(make<uint8_t>(DType::u8, {0, 255})),
            (std::vector<int64_t>{0, 255}));
  EXPECT_EQ(to_int64(make<int8_t>(DType::i8, {-128, 127})),
            (std::vector<int64_t>{-128, 127}));
  EXPECT_EQ(to_int64(make<uint16_t>(DType::u16, {65535})),
            (std::vector<int64_t>{65535}));
  EXPECT_EQ(to_int64(make<int16_t>(DType::i16, {-32768})),
            (std::vector<int64_t>{-32768}));
  EXPECT_EQ(to_int64(make<uint32_t>(DType::u32, {0xFFFFFFFF})),
            (std::vector<int64_t>{0xFFFFFFFF}));
  EXPECT_EQ(to_int64(make<int32_t>(DType::i32, {INT32_MIN})),
            (std::vector<int64_t>{INT32_MIN}));
  EXPECT_EQ(to_int64(make<uint64_t>(DType::u64, {0, INT64_MAX})),
            (std::vector<int64_t>{0, INT64_MAX}));
  EXPECT_EQ(to_int64(make<int64_t>(DType::i64, {INT64_MIN, -1})),
            (std::vector<int64_t>{INT64_MIN, -1}));
}

TEST(ToInt64, AViewIsReadInRowMajorOrder) {
  EXPECT_EQ(to_int64(counted({2, 3}).view().permuted({1, 0})),
            (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
}

TEST(ToInt64, FloatsAreRefused) {
  for (const DType dtype : {DType::f16, DType::bf16, DType::f32, DType::f64}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument,
        "[tensor] expected integers, got " + std::string(name_of(dtype)),
        [&] { to_int64(Tensor(dtype, {1})); }));
  }
}

TEST(ToInt64, AValueBeyond63BitsIsRefusedAndNotWrapped) {
  const auto tensor = make<uint64_t>(DType::u64, {1, UINT64_MAX});
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "18446744073709551615",
                           [&] { to_int64(tensor); }));
}

TEST(Conversions, ATensorThatWasNotGivenIsRefused) {
  const TensorView none;
  constexpr auto kCode = ErrorCode::invalid_argument;
  EXPECT_TRUE(throws_error(kCode, "[tensor]", [&] { to_f32(none); }));
  EXPECT_TRUE(throws_error(kCode, "[tensor]", [&] { to_int64(none); }));
  EXPECT_TRUE(
      throws_error(kCode, "[tensor]", [&] { from_f32(none, DType::f16); }));
}

}  // namespace
}  // namespace maskwise
