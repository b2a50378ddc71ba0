#include "maskwise/mask_plan.h"

#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "maskwise/mask.h"
#include "plan/plan_data.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::throws_error;

TEST(MaskPlan, StatisticsOfACausalMask) {
  const MaskPlan plan = compile(causal().bind({2, 3, 128, 128}));
  const PlanStats& stats = plan.stats();
  EXPECT_EQ(stats.visible_pairs, 6 * 128 * 129 / 2);
  EXPECT_DOUBLE_EQ(stats.visible_share, 129.0 / 256);
  EXPECT_EQ(stats.walked_pairs, 6 * (64 * 64 + 64 * 128));
  EXPECT_DOUBLE_EQ(stats.walked_share, 0.75);
  EXPECT_EQ(stats.rows_without_keys, 0);
  EXPECT_EQ(stats.slices, 1);
  EXPECT_EQ(stats.row_blocks, 2);
  EXPECT_EQ(stats.folds, 2);
  EXPECT_EQ(stats.full_runs, 2);
  EXPECT_EQ(stats.partial_runs, 2);
  EXPECT_EQ(stats.key_lists, 0);
}

TEST(MaskPlan, EqualHeadsAndItemsShareASlice) {
  const MaskPlan plan = compile(
      (per_head({causal(), all()}) & lengths({3, 5, 3})).bind({3, 2, 5, 5}));
  EXPECT_EQ(plan.stats().slices, 4);
  std::vector<std::vector<int32_t>> uses;
  for (const detail::Slice& slice : plan.data().slices) {
    const auto begin = plan.data().slice_uses.begin() + slice.first_use;
    uses.emplace_back(begin, begin + slice.use_count);
  }
  EXPECT_EQ(uses,
            (std::vector<std::vector<int32_t>>{{0, 4}, {1, 5}, {2}, {3}}));
}

TEST(MaskPlan, RowsWithoutKeysAreCounted) {
  const Mask mask = causal() & ~prefix(3);
  EXPECT_EQ(compile(mask.bind({2, 2, 100, 100})).stats().rows_without_keys,
            2 * 2 * 3);
  EXPECT_EQ(compile(none().bind({2, 2, 100, 100})).stats().rows_without_keys,
            400);
  EXPECT_EQ(compile(all().bind({1, 1, 7, 0})).stats().rows_without_keys, 7);
}

TEST(MaskPlan, EmptyShapesHaveEmptyPlans) {
  for (const AttentionShape& shape :
       {AttentionShape{0, 2, 4, 4}, AttentionShape{2, 0, 4, 4},
        AttentionShape{1, 1, 0, 0}}) {
    const PlanStats stats = compile(causal().bind(shape)).stats();
    EXPECT_EQ(stats.row_blocks, 0);
    EXPECT_EQ(stats.visible_share, 0);
  }
}

TEST(MaskPlan, KeepsItsMask) {
  const MaskPlan plan = compile(causal().bind({1, 1, 4, 4}));
  EXPECT_EQ(plan.mask().mask(), causal());
  EXPECT_EQ(plan.shape(), (AttentionShape{1, 1, 4, 4}));
}

TEST(MaskPlan, MostWorkComesFirst) {
  const MaskPlan plan =
      compile(per_head({prefix(3), causal()}).bind({1, 2, 256, 256}));
  EXPECT_EQ(plan.data().slice_schedule, (std::vector<int32_t>{1, 0}));
  EXPECT_EQ(plan.data().block_schedule,
            (std::vector<int32_t>{0, 1, 2, 3, 7, 6, 5, 4}));
  EXPECT_EQ(plan.data().first_task, (std::vector<int64_t>{0, 4, 8}));
}

TEST(MaskPlan, TheCapIsACountOfBytes) {
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "the memory cap is -1 bytes", [] {
        (void)compile(all().bind({1, 1, 2, 2}), {.memory_cap = -1});
      }));
  for (const AttentionShape& shape :
       {AttentionShape{1, 1, 2, 2}, AttentionShape{1, 1, 0, 0}}) {
    EXPECT_TRUE(throws_error(ErrorCode::limit, "expected at most 0 bytes", [&] {
      (void)compile(all().bind(shape), {.memory_cap = 0});
    }));
  }
}

// A plan shares what it holds: there is nothing that a move could save.
TEST(MaskPlan, AMoveLeavesAPlanThatStillWorks) {
  MaskPlan plan = compile(causal().bind({1, 2, 100, 100}));
  MaskPlan assigned = compile(all().bind({1, 1, 3, 3}));
  // That it copies is the subject.
  // NOLINTBEGIN(performance-move-const-arg,bugprone-use-after-move)
  MaskPlan made = std::move(plan);
  assigned = std::move(plan);
  for (const MaskPlan* one : {&plan, &made, &assigned}) {
    // NOLINTEND(performance-move-const-arg,bugprone-use-after-move)
    EXPECT_EQ(one->shape(), (AttentionShape{1, 2, 100, 100}));
    EXPECT_EQ(one->stats().visible_pairs, 100 * 101);
    EXPECT_EQ(one->options().memory_cap, PlanOptions{}.memory_cap);
    EXPECT_EQ(&one->data(), &made.data());
    EXPECT_EQ(one->mask().visible_keys(0, 1, 2),
              (std::vector<int64_t>{0, 1, 2}));
  }
}

TEST(MaskPlan, FitsItsCapOrIsRefused) {
  const BoundMask mask = causal().bind({1, 4, 5000, 5000});
  const int64_t bytes = compile(mask).stats().plan_bytes;
  const auto fits = [&](int64_t cap) {
    try {
      return compile(mask, {.memory_cap = cap}).stats().plan_bytes <= cap;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::limit);
      return false;
    }
  };
  for (int64_t cap = 0; cap < bytes; cap += bytes / 7) EXPECT_FALSE(fits(cap));
  EXPECT_FALSE(fits(bytes - 1));
  EXPECT_TRUE(fits(16 * bytes));  // far more than the estimate is above it
}

// Rows whose folds lie far apart need a word for a key in many folds, far
// more than the bounds of a block foresee: the cap holds all the same.
TEST(MaskPlan, WhatTheEstimateDoesNotForeseeIsCapped) {
  std::mt19937 engine(5);
  Tensor bits(DType::boolean, {64, 40000});
  bool* next = bits.mutable_data<bool>();
  for (uint32_t q = 0; q < 64; ++q) {
    for (int64_t k = 0; k < 40000; ++k) *next++ = engine() % 64 <= q;
  }
  const BoundMask mask = allow(bits).bind({1, 1, 64, 40000});
  const int64_t bytes = compile(mask).stats().plan_bytes;
  EXPECT_GT(bytes, 2 * 12 * 40000);
  EXPECT_TRUE(throws_error(ErrorCode::limit, "would take about", [&] {
    (void)compile(mask, {.memory_cap = bytes / 2});
  }));
}

TEST(MaskPlan, DilatedOverAMillionKeysStatesItsEstimate) {
  const BoundMask mask = dilated(2).bind({1, 1, 1 << 20, 1 << 20});
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "would take about 192 GiB; expected at most 1 GiB",
                           [&] { (void)compile(mask); }));
}

}  // namespace
}  // namespace maskwise
