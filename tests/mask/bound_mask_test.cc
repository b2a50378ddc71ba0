#include "maskwise/bound_mask.h"

#include <gtest/gtest.h>

#include <utility>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::Table;
using testing::table;
using testing::throws_error;

const AttentionShape kShape{2, 3, 4, 5};

BoundMask two_lengths() { return lengths({2, 0}).bind(kShape); }

TEST(BoundMask, AnswersByPairByRowAndByBlock) {
  const BoundMask mask = causal({.offset = 1}).bind(kShape);
  EXPECT_TRUE(mask.allowed(1, 2, 2, 3));
  EXPECT_FALSE(mask.allowed(1, 2, 2, 4));
  EXPECT_EQ(mask.row_keys(0, 0, 2), (KeyIntervals{{0, 4}}));
  EXPECT_EQ(mask.visible_keys(0, 0, 1), (std::vector<int64_t>{0, 1, 2}));
  const BlockKeys keys = mask.block_keys(0, 0, 1, 3);
  EXPECT_EQ(keys.some, (KeyIntervals{{0, 4}}));
  EXPECT_EQ(keys.every, (KeyIntervals{{0, 3}}));
}

TEST(BoundMask, AMoveLeavesAMaskThatStillWorks) {
  BoundMask mask = two_lengths();
  // NOLINTNEXTLINE(performance-move-const-arg): that it copies is the subject.
  const BoundMask made = std::move(mask);
  for (const BoundMask* one : {&std::as_const(mask), &made}) {
    EXPECT_EQ(one->shape(), kShape);
    EXPECT_EQ(one->visible_keys(0, 2, 3), (std::vector<int64_t>{0, 1}));
    EXPECT_TRUE(one->mask() == lengths({2, 0}));
  }
}

TEST(BoundMask, ARangeLimitsARowAlsoWhereItLeavesTheKeys) {
  const BoundMask mask = (~lengths({2, 0})).bind(kShape);
  KeyIntervals keys;
  mask.row_keys(0, 0, 0, {-10, 10}, keys);
  EXPECT_EQ(keys, (KeyIntervals{{2, 5}}));
  mask.row_keys(0, 0, 0, {1, 4}, keys);
  EXPECT_EQ(keys, (KeyIntervals{{2, 4}}));
  mask.row_keys(0, 0, 0, {4, 1}, keys);
  EXPECT_EQ(keys, KeyIntervals{});
  mask.row_keys(0, 0, 0, {7, 9}, keys);
  EXPECT_EQ(keys, KeyIntervals{});
}

TEST(BoundMask, WhatLiesOutsideTheShapeIsAnError) {
  const BoundMask mask = two_lengths();
  const auto fails = [&](const std::string& text, auto call) {
    return throws_error(ErrorCode::invalid_argument, text, call);
  };
  EXPECT_TRUE(fails("batch 2 lies outside the shape; expected 0 <= batch < 2",
                    [&] { (void)mask.allowed(2, 0, 0, 0); }));
  EXPECT_TRUE(fails("head -1", [&] { (void)mask.allowed(0, -1, 0, 0); }));
  EXPECT_TRUE(fails("q 4", [&] { (void)mask.visible_keys(0, 0, 4); }));
  EXPECT_TRUE(fails("k 5", [&] { (void)mask.allowed(0, 0, 0, 5); }));
  EXPECT_TRUE(fails("head 3", [&] { (void)mask.row_keys(0, 3, 0); }));
  EXPECT_TRUE(fails("q 4", [&] { (void)mask.block_keys(0, 0, 0, 5); }));
  EXPECT_TRUE(fails("q_begin", [&] { (void)mask.block_keys(0, 0, 2, 2); }));
  EXPECT_TRUE(fails("q_begin", [&] { (void)mask.block_keys(0, 0, -1, 2); }));
  EXPECT_TRUE(fails("k 7", [&] { (void)mask.clause({0, 0, 0, 7}); }));
}

TEST(BoundMask, EqualHeadsAndItemsShareASliceId) {
  EXPECT_EQ(two_lengths().slice_ids(),
            (std::vector<int32_t>{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(causal({.offset = 0}).bind(kShape).slice_ids(),
            (std::vector<int32_t>{0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(per_head({all(), prefix(2), all()}).bind(kShape).slice_ids(),
            (std::vector<int32_t>{0, 1, 0, 0, 1, 0}));
}

TEST(BoundMask, CountsPairsAndRowsOverAllItemsAndHeads) {
  EXPECT_EQ(two_lengths().visible_pairs(), 3 * 4 * 2);
  const RowsWithoutKeys rows = two_lengths().rows_without_keys();
  EXPECT_EQ(rows.count, 3 * 4);
  EXPECT_EQ(rows.first, (PairIndex{1, 0, 0, 0}));
  EXPECT_EQ(all().bind(kShape).rows_without_keys().first, std::nullopt);
}

TEST(BoundMask, NoKeysAtAllLeaveEveryRowWithout) {
  const BoundMask mask = all().bind({1, 2, 3, 0});
  EXPECT_EQ(mask.rows_without_keys().count, 6);
  EXPECT_EQ(mask.visible_pairs(), 0);
  EXPECT_EQ(mask.to_dense().size(), 0);
}

TEST(BoundMask, ToDenseStopsAtItsCap) {
  const BoundMask mask = two_lengths();
  EXPECT_EQ(mask.to_dense(2 * 3 * 4 * 5).shape(), (Shape{2, 3, 4, 5}));
  EXPECT_TRUE(throws_error(
      ErrorCode::limit,
      "dense mask [2, 3, 4, 5] would take 120 bytes; expected at most 119",
      [&] { (void)mask.to_dense(119); }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "expected at most 268435456", [] {
    (void)all().bind({1, 1, 1 << 30, 1 << 30}).to_dense();
  }));
}

TEST(BoundMask, RestrictedToATensorIsAnAnd) {
  const BoundMask mask = causal().bind({1, 1, 3, 3});
  EXPECT_EQ(table(mask.restricted_to(booleans({1, 3}, "101"))),
            (Table{"x..", "x..", "x.x"}));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "[B, H, Lq, Lk]", [&] {
    (void)mask.restricted_to(booleans({2, 3}, "101 111"));
  }));
}

// Positions may not change when an operand is added.
TEST(BoundMask, RestrictingKeepsPositionsAndTheDeepestMasks) {
  const Mask either = causal({.offset = 1}) | dilated(2);
  EXPECT_EQ(table(either.bind({1, 1, 2, 4}).restricted_to(booleans({1}, "1"))),
            table(either.bind({1, 1, 2, 4})));
  Mask deep = causal();
  for (int level = 0; level < 64; ++level) deep = ~deep;
  EXPECT_EQ(table(deep.bind({1, 1, 2, 2}).restricted_to(booleans({1}, "1"))),
            (Table{"x.", "xx"}));
}

TEST(BoundMask, KeepsItsMaskAndShape) {
  const BoundMask mask = two_lengths();
  EXPECT_EQ(mask.shape(), kShape);
  EXPECT_EQ(mask.mask(), lengths({2, 0}));
  EXPECT_EQ(to_string(mask.shape()), "[2, 3, 4, 5]");
}

}  // namespace
}  // namespace maskwise
