#include "maskwise/tensor_view.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tensor/strided_copy.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

using testing::throws_error;

constexpr int64_t kHuge = int64_t{1} << 40;
const float kSix[6] = {0, 1, 2, 3, 4, 5};

// The offsets that a walk over `view` visits.
std::vector<int64_t> offsets_of(const TensorView& view) {
  std::vector<int64_t> offsets;
  detail::for_each_offset(view, [&](int64_t position, int64_t offset) {
    EXPECT_EQ(position, static_cast<int64_t>(offsets.size()));
    offsets.push_back(offset);
  });
  return offsets;
}

TEST(Shape, IsWrittenInBrackets) {
  EXPECT_EQ(to_string(Shape{}), "[]");
  EXPECT_EQ(to_string(Shape{7}), "[7]");
  EXPECT_EQ(to_string(Shape{2, 4, 37, 64}), "[2, 4, 37, 64]");
}

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({5}), 5);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({2, 0, 4}), 0);
  EXPECT_EQ(element_count({INT64_MAX}), INT64_MAX);
}

TEST(Shape, AZeroMakesItEmptyWhereverItStands) {
  EXPECT_EQ(element_count({0, kHuge, kHuge}), 0);
  EXPECT_EQ(element_count({kHuge, kHuge, 0}), 0);
}

TEST(Shape, WhatDoesNotFitIn63BitsIsALimitError) {
  for (const Shape& shape : {Shape{kHuge, kHuge}, Shape{kHuge, kHuge, 1}}) {
    EXPECT_TRUE(throws_error(ErrorCode::limit, "does not fit in 63 bits",
                             [&] { element_count(shape); }));
  }
}

TEST(Shape, ANegativeSizeIsRefusedEvenBesideAZero) {
  for (const Shape& shape : {Shape{-1}, Shape{2, -3}, Shape{0, -1}}) {
    EXPECT_TRUE(
        throws_error(ErrorCode::invalid_argument,
                     "[shape] found a negative size in " + to_string(shape),
                     [&] { element_count(shape); }));
  }
}

TEST(Shape, ContiguousStridesAreRowMajor) {
  EXPECT_EQ(contiguous_strides({}), Shape{});
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (Shape{12, 4, 1}));
  EXPECT_EQ(contiguous_strides({2, 1, 4}), (Shape{4, 4, 1}));
  EXPECT_EQ(contiguous_strides({2, 0, 4}), (Shape{4, 4, 1}));
}

TEST(Shape, StridesOfAnEmptyTensorDoNotOverflow) {
  constexpr int64_t kLarge = 3'100'000'000;
  for (const int64_t stride : contiguous_strides({0, kLarge, kLarge, kLarge})) {
    EXPECT_GE(stride, 0);
  }
  const TensorView view(nullptr, DType::f32, {0, kLarge, kLarge, kLarge});
  EXPECT_EQ(view.permuted({1, 0, 2, 3}).size(), 0);
}

TEST(TensorView, ADefaultMadeViewIsNotDefined) {
  const TensorView view;
  EXPECT_FALSE(view.defined());
  EXPECT_EQ(view.bytes(), nullptr);
  EXPECT_EQ(view.rank(), 0);
}

TEST(TensorView, SeesTheElementsItWasGiven) {
  const TensorView view(kSix, DType::f32, {2, 3});
  EXPECT_TRUE(view.defined());
  EXPECT_EQ(view.rank(), 2);
  EXPECT_EQ(view.dim(1), 3);
  EXPECT_EQ(view.stride(0), 3);
  EXPECT_EQ(view.size(), 6);
  EXPECT_EQ(view.data<float>(), kSix);
  EXPECT_TRUE(view.is_contiguous());
}

TEST(TensorView, ReadingAnotherTypeIsAnErrorThatNamesBoth) {
  const TensorView view(kSix, DType::f32, {2, 3});
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[tensor view] expected elements of type i64, got "
                           "f32",
                           [&] { view.data<int64_t>(); }));
}

TEST(TensorView, StridesMustBeOnePerAxisAndNotNegative) {
  for (const Shape& strides : {Shape{3}, Shape{3, 1, 1}, Shape{-3, 1}}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "got " + to_string(strides), [&] {
                               TensorView(kSix, DType::f32, {2, 3}, strides);
                             }));
  }
}

TEST(TensorView, KnowsWhetherItIsDense) {
  const auto dense = [](Shape shape, Shape strides) {
    return TensorView(kSix, DType::f32, std::move(shape), std::move(strides))
        .is_contiguous();
  };
  EXPECT_TRUE(dense({2, 3}, {3, 1}));
  EXPECT_TRUE(dense({}, {}));
  EXPECT_TRUE(dense({0, 3}, {7, 7}));
  EXPECT_FALSE(dense({3, 2}, {1, 3}));
  EXPECT_FALSE(dense({2, 2}, {3, 1}));
  EXPECT_FALSE(dense({2, 3}, {0, 1}));
}

TEST(TensorView, PermutingReordersShapeAndStrides) {
  const TensorView blhd(kSix, DType::f32, {1, 3, 2, 1});
  const TensorView bhld = blhd.permuted({0, 2, 1, 3});
  EXPECT_EQ(bhld.shape(), (Shape{1, 2, 3, 1}));
  EXPECT_EQ(bhld.strides(), (Shape{6, 1, 2, 1}));
  EXPECT_EQ(bhld.bytes(), blhd.bytes());
  EXPECT_EQ(bhld.permuted({0, 2, 1, 3}).strides(), blhd.strides());
}

TEST(TensorView, OnlyAnOrderOfAllAxesPermutes) {
  const TensorView view(kSix, DType::f32, {2, 3});
  for (const std::vector<int64_t>& axes :
       {std::vector<int64_t>{0}, {0, 0}, {0, 2}, {-1, 0}, {0, 1, 2}}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "expected an order of the 2 axes",
                             [&] { view.permuted(axes); }));
  }
}

TEST(TensorView, BroadcastingAlignsAtTheRight) {
  const TensorView row(kSix, DType::f32, {3});
  const TensorView rows = row.broadcast_to({2, 3});
  EXPECT_EQ(rows.strides(), (Shape{0, 1}));
  EXPECT_EQ(offsets_of(rows), (std::vector<int64_t>{0, 1, 2, 0, 1, 2}));

  const TensorView column(kSix, DType::f32, {2, 1});
  EXPECT_EQ(offsets_of(column.broadcast_to({2, 3})),
            (std::vector<int64_t>{0, 0, 0, 1, 1, 1}));

  const TensorView scalar(kSix, DType::f32, {});
  EXPECT_EQ(offsets_of(scalar.broadcast_to({2, 2})),
            (std::vector<int64_t>{0, 0, 0, 0}));
  EXPECT_EQ(row.broadcast_to({0, 3}).size(), 0);
  EXPECT_EQ(column.broadcast_to({2, 0}).size(), 0);
}

TEST(TensorView, WhatDoesNotBroadcastIsAnErrorWithBothShapes) {
  const TensorView view(kSix, DType::f32, {2, 3});
  for (const Shape& shape : {Shape{3}, Shape{2, 4}, Shape{3, 2}, Shape{2, 0}}) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                             "[2, 3] does not broadcast to " + to_string(shape),
                             [&] { view.broadcast_to(shape); }));
  }
}

TEST(TensorView, AViewThatWasNotGivenCannotBeReshaped) {
  const TensorView none;
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "[tensor view]", [&] {
    none.broadcast_to({2, 2});
  }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "[tensor view]",
                           [&] { none.permuted({}); }));
}

TEST(ForEachOffset, WalksInRowMajorOrderOverAnyStrides) {
  const TensorView dense(nullptr, DType::u8, {2, 3});
  EXPECT_EQ(offsets_of(dense), (std::vector<int64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(offsets_of(dense.permuted({1, 0})),
            (std::vector<int64_t>{0, 3, 1, 4, 2, 5}));
  const TensorView gaps(nullptr, DType::u8, {2, 1, 2}, {10, 99, 4});
  EXPECT_EQ(offsets_of(gaps), (std::vector<int64_t>{0, 4, 10, 14}));
  EXPECT_EQ(offsets_of(TensorView(nullptr, DType::u8, {})),
            std::vector<int64_t>{0});
  EXPECT_TRUE(offsets_of(TensorView(nullptr, DType::u8, {3, 0, 2})).empty());
}

TEST(ForEachOffset, NeverFormsAnOffsetThatIsNotVisited) {
  // An axis of size 1 may carry any stride; UBSan sees an overflow.
  const TensorView view(nullptr, DType::u8, {2, 1}, {1, INT64_MAX});
  EXPECT_EQ(offsets_of(view), (std::vector<int64_t>{0, 1}));
}

}  // namespace
}  // namespace maskwise
