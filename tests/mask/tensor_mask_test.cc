#include "mask/tensor_mask.h"

#include <gtest/gtest.h>

#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::Table;
using testing::table;
using testing::throws_error;

const AttentionShape kShape{2, 2, 2, 3};

TEST(Allow, TrueMeansMayAttendAndForbidTheReverse) {
  const Tensor tensor = booleans({2, 3}, "110 011");
  EXPECT_EQ(table(allow(tensor).bind(kShape), 1, 1), (Table{"xx.", ".xx"}));
  EXPECT_EQ(table(forbid(tensor).bind(kShape), 1, 1), (Table{"..x", "x.."}));
}

TEST(Allow, BroadcastsAlignedAtTheRight) {
  EXPECT_EQ(table(allow(booleans({3}, "101")).bind(kShape), 1, 0),
            (Table{"x.x", "x.x"}));
  EXPECT_EQ(table(allow(booleans({2, 1}, "01")).bind(kShape), 0, 1),
            (Table{"...", "xxx"}));
  const BoundMask heads = allow(booleans({2, 1, 1}, "01")).bind(kShape);
  EXPECT_EQ(table(heads, 1, 0), (Table{"...", "..."}));
  EXPECT_EQ(table(heads, 1, 1), (Table{"xxx", "xxx"}));
  const BoundMask items = allow(booleans({2, 1, 1, 3}, "100 001")).bind(kShape);
  EXPECT_EQ(table(items, 0, 1), (Table{"x..", "x.."}));
  EXPECT_EQ(table(items, 1, 1), (Table{"..x", "..x"}));
  EXPECT_EQ(table(allow(booleans({1}, "0")).bind(kShape)),
            (Table{"...", "..."}));
}

TEST(Allow, ShapesThatDoNotBroadcastAreErrors) {
  for (const Shape& shape : {Shape{2}, Shape{3, 3}, Shape{3, 2, 3},
                             Shape{3, 1, 2, 3}, Shape{2, 3, 2, 2}}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::shape_mismatch,
        "allow(m): expected a tensor that broadcasts to [B, H, Lq, Lk] = "
        "[2, 2, 2, 3], got " +
            to_string(shape),
        [&] {
          (void)allow({"m", Tensor(DType::boolean, shape)}).bind(kShape);
        }));
  }
}

TEST(Allow, RanksBeyondFourAndScalarsAreErrors) {
  for (const Shape& shape : {Shape{}, Shape{1, 1, 1, 1, 1}}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::shape_mismatch, "expected a tensor of 1 to 4 axes, got",
        [&] { (void)forbid(Tensor(DType::boolean, shape)); }));
  }
}

TEST(Blocks, OneElementForASquareOfPairs) {
  const Mask mask = blocks(booleans({2, 2}, "10 11"), {.size = 2});
  EXPECT_EQ(table(mask.bind({1, 1, 4, 4})),
            (Table{"xx..", "xx..", "xxxx", "xxxx"}));
  EXPECT_EQ(table(mask.bind({1, 1, 3, 3})), (Table{"xx.", "xx.", "xxx"}));
  EXPECT_EQ(table(blocks(booleans({2, 1, 1, 1}, "10")).bind({2, 1, 1, 3}), 1),
            (Table{"..."}));
}

TEST(Blocks, SizeIs64UnlessSaid) {
  const BoundMask mask =
      blocks(booleans({2, 3}, "010 001")).bind({1, 1, 128, 130});
  EXPECT_EQ(mask.row_keys(0, 0, 63), (KeyIntervals{{64, 128}}));
  EXPECT_EQ(mask.row_keys(0, 0, 64), (KeyIntervals{{128, 130}}));
  EXPECT_EQ(to_string(mask.mask()).text, "blocks(t0, size=64)");
}

TEST(Blocks, WrongSizesAndShapesAreErrors) {
  const Tensor tensor = booleans({2, 2}, "10 11");
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "blocks: size is 0; expected a number >= 1",
                           [&] { (void)blocks(tensor, {.size = 0}); }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[B, H, ceil(Lq/2), ceil(Lk/2)] = [1, 1, 3, 3], got [2, 2]", [&] {
        (void)blocks(tensor, {.size = 2}).bind({1, 1, 5, 5});
      }));
  EXPECT_EQ(table(blocks(booleans({1, 1}, "1"), {.size = INT64_MAX})
                      .bind({1, 1, 1, 2})),
            (Table{"xx"}));
}

TEST(TensorMask, BlocksOfRowsAreBoundedByTheRowsOfTheTensor) {
  const BoundMask mask =
      allow(booleans({3, 4}, "1100 1110 0111")).bind({1, 1, 3, 4});
  EXPECT_EQ(mask.block_keys(0, 0, 0, 2).some, (KeyIntervals{{0, 3}}));
  EXPECT_EQ(mask.block_keys(0, 0, 0, 2).every, (KeyIntervals{{0, 2}}));
  EXPECT_EQ(mask.block_keys(0, 0, 0, 3).every, (KeyIntervals{{1, 2}}));
  const BoundMask inverse =
      forbid(booleans({3, 4}, "1100 1110 0111")).bind({1, 1, 3, 4});
  EXPECT_EQ(inverse.block_keys(0, 0, 0, 2).some, (KeyIntervals{{2, 4}}));
  EXPECT_EQ(inverse.block_keys(0, 0, 0, 2).every, (KeyIntervals{{3, 4}}));
}

TEST(TensorMask, EqualSlicesShareAnId) {
  const Tensor heads = booleans({3, 1, 2}, "10 01 10");
  EXPECT_EQ(allow(heads).bind({2, 3, 4, 2}).slice_ids(),
            (std::vector<int32_t>{0, 1, 0, 0, 1, 0}));
}

TEST(TensorMask, Reasons) {
  const BoundMask mask = forbid(booleans({2, 2}, "01 00")).bind({1, 1, 2, 2});
  EXPECT_EQ(mask.clause({0, 0, 0, 1}).reason,
            "the tensor holds true for query 0 and key 1");
  EXPECT_FALSE(mask.clause({0, 0, 0, 1}).allowed);
}

TEST(TensorMask, FormsAreNotEqualToEachOther) {
  const Tensor tensor = booleans({2, 2}, "10 11");
  using detail::make_tensor_mask;
  using detail::TensorForm;
  EXPECT_EQ(make_tensor_mask(TensorForm::allow, {"m", tensor}, {}),
            allow(tensor));
  EXPECT_FALSE(make_tensor_mask(TensorForm::from_onnx, tensor, {}) ==
               allow(tensor));
  EXPECT_FALSE(blocks(tensor, {.size = 2}) == blocks(tensor, {.size = 3}));
}

}  // namespace
}  // namespace maskwise
