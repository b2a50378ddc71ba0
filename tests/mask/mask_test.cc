#include "maskwise/mask.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::square;
using testing::Table;
using testing::throws_error;

TEST(Mask, OwnsCopiesOfItsTensors) {
  std::array<int64_t, 3> memory = {5, 0, 6};
  const Mask mask = padding(TensorView(memory.data(), DType::i64, {1, 3}));
  memory.fill(0);
  EXPECT_EQ(square(mask, 3), (Table{"x.x", "x.x", "x.x"}));
}

TEST(Mask, CopiesShareAndOutliveTheOriginal) {
  BoundMask bound = [] {
    const Mask mask = allow(booleans({2, 2}, "10 01")) & ~prefix(1);
    const Mask copy = mask;  // NOLINT(performance-*): what is tested
    return copy.bind({1, 1, 2, 2});
  }();
  EXPECT_EQ(testing::table(bound), (Table{"..", ".x"}));
}

TEST(Mask, StridedAndNarrowTensorsAreRead) {
  const std::array<int32_t, 6> memory = {1, 9, 0, 9, 1, 9};
  const TensorView every_other(memory.data(), DType::i32, {1, 3}, {6, 2});
  EXPECT_EQ(square(padding(every_other), 3)[0], "x.x");
}

TEST(Mask, EqualityIsStructuralAndIgnoresNames) {
  const Tensor bits = booleans({2, 2}, "10 11");
  EXPECT_EQ(allow({"a", bits}), allow({"b", bits}));
  EXPECT_EQ(allow(bits), allow(booleans({2, 2}, "10 11")));
  EXPECT_FALSE(allow(bits) == allow(booleans({2, 2}, "11 11")));
  EXPECT_FALSE(allow(bits) == allow(booleans({1, 2, 2}, "10 11")));
  EXPECT_FALSE(allow(bits) == forbid(bits));
  EXPECT_EQ(prefix(MaskTensor("n", Tensor::from<int64_t>({2}, {1, 2}))),
            prefix({1, 2}));
  EXPECT_FALSE(prefix({1, 2}) == prefix({1, 3}));
  EXPECT_FALSE(prefix(1) == prefix({1}));
}

TEST(MaskTensor, KeepsATemporaryTensorAlive) {
  const MaskTensor tensor("m", booleans({1, 2}, "01"));
  const MaskTensor unnamed = booleans({1, 2}, "10");
  EXPECT_EQ(square(allow(tensor), 2), (Table{".x", ".x"}));
  EXPECT_EQ(square(allow(unnamed), 2), (Table{"x.", "x."}));
}

TEST(PerBatch, IsOneNumberOrAList) {
  EXPECT_TRUE(PerBatch(3).single());
  EXPECT_FALSE(PerBatch({3}).single());
  EXPECT_EQ(PerBatch({3, 4}).values(), (std::vector<int64_t>{3, 4}));
  const PerBatch named(MaskTensor("n", Tensor::from<int32_t>({2}, {7, -8})));
  EXPECT_EQ(named.values(), (std::vector<int64_t>{7, -8}));
  EXPECT_EQ(named.name(), "n");
  EXPECT_TRUE(named.from_tensor());
}

TEST(PerBatch, TensorsOfOtherTypesOrRanksAreErrors) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "a tensor [B] of i32 or i64, got f32 [2]", [] {
                             (void)PerBatch(Tensor::from<float>({2}, {1, 2}));
                           }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "got i64 [1, 2] in n", [] {
        (void)PerBatch(MaskTensor("n", Tensor::from<int64_t>({1, 2}, {1, 2})));
      }));
}

TEST(Bind, ImpossibleShapesAreErrors) {
  const auto fails = [](ErrorCode code, const std::string& text,
                        const AttentionShape& shape) {
    return throws_error(code, text, [&] { (void)causal().bind(shape); });
  };
  EXPECT_TRUE(fails(ErrorCode::invalid_argument,
                    "the shape has batch = -1; expected 0 to 2147483646",
                    {-1, 1, 2, 2}));
  EXPECT_TRUE(fails(ErrorCode::invalid_argument, "heads = -7", {1, -7, 2, 2}));
  EXPECT_TRUE(fails(ErrorCode::invalid_argument, "q_len = 2147483648",
                    {1, 1, int64_t{1} << 31, 2}));
  EXPECT_TRUE(fails(ErrorCode::invalid_argument, "kv_len = 9223372036854775807",
                    {1, 1, 2, INT64_MAX}));
  EXPECT_TRUE(fails(ErrorCode::limit,
                    "batch * heads = 1099511627776; expected at most 16777216",
                    {1 << 20, 1 << 20, 2, 2}));
}

// A number for each item is kept even when there is no head.
TEST(Bind, ManyItemsWithoutHeadsAreAnErrorToo) {
  EXPECT_TRUE(throws_error(ErrorCode::limit, "batch * heads = 2000000000", [] {
    (void)causal().bind({2000000000, 0, 2, 2});
  }));
}

TEST(Bind, MorePairsThanCanBeCountedAreAnError) {
  const int64_t most = INT32_MAX - 1;
  EXPECT_TRUE(throws_error(ErrorCode::limit, "more than 2^63 pairs", [&] {
    (void)all().bind({1 << 12, 1 << 12, 1 << 20, most});
  }));
  const BoundMask largest = all().bind({1, 1, most, most});
  EXPECT_EQ(largest.row_keys(0, 0, most - 1), (KeyIntervals{{0, most}}));
}

TEST(Bind, EmptyAxesAreFine) {
  for (const AttentionShape& shape :
       {AttentionShape{0, 1, 2, 2}, AttentionShape{1, 0, 2, 2},
        AttentionShape{1, 1, 0, 0}}) {
    EXPECT_EQ(causal().bind(shape).visible_pairs(), 0);
    EXPECT_EQ((~causal() & dilated(2)).bind(shape).rows_without_keys().count,
              0);
  }
}

}  // namespace
}  // namespace maskwise
