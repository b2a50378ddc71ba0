#include "plan/plan_builder.h"

#include <gtest/gtest.h>

#include <utility>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

TEST(StretchPool, EqualStretchesAreStoredOnce) {
  std::vector<int32_t> storage;
  StretchPool<int32_t> pool(storage);
  const std::vector<int32_t> first = {1, 2, 3};
  const std::vector<int32_t> second = {1, 2};
  const std::vector<int32_t> third = {3, 2, 1};
  EXPECT_EQ(pool.place(first), 0);
  EXPECT_EQ(pool.place(second), 3);
  EXPECT_EQ(pool.place(third), 5);
  EXPECT_EQ(pool.place(first), 0);
  EXPECT_EQ(pool.place(second), 3);
  EXPECT_EQ(storage, (std::vector<int32_t>{1, 2, 3, 1, 2, 3, 2, 1}));
}

PlanData built(const Mask& mask, const AttentionShape& shape) {
  return compile(mask.bind(shape)).data();
}

TEST(PlanBuilder, ACausalBlockIsAFullRunAndABitmap) {
  const PlanData plan = built(causal(), {1, 1, 128, 128});
  ASSERT_EQ(plan.blocks.size(), 2U);
  EXPECT_EQ(plan.blocks[1].q_begin, 64);
  EXPECT_EQ(plan.blocks[1].rows, 64);
  EXPECT_EQ(plan.blocks[1].key_count, 128);
  const Fold& fold = plan.folds[static_cast<size_t>(plan.blocks[1].first_fold)];
  ASSERT_EQ(fold.run_count, 2);
  const KeyRun& full = plan.runs[static_cast<size_t>(fold.first_run)];
  const KeyRun& stairs = plan.runs[static_cast<size_t>(fold.first_run + 1)];
  EXPECT_EQ(full.bitmap, kAbsent);
  EXPECT_EQ(full.count, 65);
  EXPECT_EQ(stairs.begin, 65);
  EXPECT_EQ(stairs.count, 63);
  EXPECT_EQ(stairs.list, kAbsent);
}

// Every block of a causal mask has the same staircase.
TEST(PlanBuilder, StaircasesOfAllBlocksAreOneBitmap) {
  const PlanData plan = built(causal(), {1, 1, 6400, 6400});
  EXPECT_EQ(plan.blocks.size(), 100U);
  EXPECT_EQ(plan.bitmaps.size(), 63U);
}

TEST(PlanBuilder, ScatteredKeysAreAListAndStoredOnce) {
  Tensor bits(DType::boolean, {2, 1, 300});
  for (int64_t i = 0; i < 300; i += 7) {
    bits.mutable_data<bool>()[i] = true;
    bits.mutable_data<bool>()[300 + i] = true;
  }
  bits.mutable_data<bool>()[299] = true;  // so that the heads differ
  const PlanData plan = built(allow(bits), {1, 2, 64, 300});
  ASSERT_EQ(plan.slices.size(), 2U);
  ASSERT_EQ(plan.runs.size(), 2U);
  EXPECT_EQ(plan.runs[0].count, 44);
  EXPECT_EQ(plan.runs[1].count, 43);
  EXPECT_EQ(plan.key_lists[static_cast<size_t>(plan.runs[1].list + 1)], 7);

  const PlanData same = built(allow(bits), {1, 2, 640, 300});
  EXPECT_EQ(same.key_lists.size(), plan.key_lists.size());
  EXPECT_EQ(same.bitmaps.size(), plan.bitmaps.size());
}

TEST(PlanBuilder, AnEmptyBlockHasNoFold) {
  const PlanData plan = built(none(), {1, 1, 64, 64});
  ASSERT_EQ(plan.blocks.size(), 1U);
  EXPECT_EQ(plan.blocks[0].fold_count, 0);
  EXPECT_EQ(plan.blocks[0].key_count, 0);
}

}  // namespace
}  // namespace maskwise::detail
