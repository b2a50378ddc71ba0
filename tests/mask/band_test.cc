#include <gtest/gtest.h>

#include <limits>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::square;
using testing::Table;
using testing::table;
using testing::throws_error;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(Causal, AQuerySeesItselfAndThePast) {
  EXPECT_EQ(square(causal(), 4), (Table{"x...", "xx..", "xxx.", "xxxx"}));
}

TEST(Causal, AlignmentsOfARectangle) {
  EXPECT_EQ(table(causal(Align::top_left).bind({1, 1, 3, 5})),
            (Table{"x....", "xx...", "xxx.."}));
  EXPECT_EQ(table(causal(Align::bottom_right).bind({1, 1, 3, 5})),
            (Table{"xxx..", "xxxx.", "xxxxx"}));
  EXPECT_EQ(table(causal(Align::bottom_right).bind({1, 1, 4, 2})),
            (Table{"..", "..", "x.", "xx"}));
}

TEST(Causal, AnOffsetMovesTheDiagonal) {
  EXPECT_EQ(square(causal({.offset = 1}), 3), (Table{"xx.", "xxx", "xxx"}));
  EXPECT_EQ(square(causal({.offset = -1}), 3), (Table{"...", "x..", "xx."}));
  EXPECT_EQ(square(causal({.offset = kMax}), 2), (Table{"xx", "xx"}));
  EXPECT_EQ(square(causal({.offset = kMin}), 2), (Table{"..", ".."}));
}

TEST(Causal, OffsetsPerBatchItemAsListOrTensor) {
  const Table first = {"xxx..", "xxxx."};
  const Table second = {".....", "x...."};
  for (const PerBatch& offsets :
       {PerBatch({2, -1}), PerBatch(Tensor::from<int32_t>({2}, {2, -1}))}) {
    const BoundMask mask = causal({.offset = offsets}).bind({2, 1, 2, 5});
    EXPECT_EQ(table(mask, 0), first);
    EXPECT_EQ(table(mask, 1), second);
  }
}

TEST(Causal, PlainOnARectangleNamesTheThreeWaysOut) {
  for (const char* way : {"causal on a rectangle: q_len is 3 and kv_len is 5",
                          "align=top_left", "align=bottom_right", "offset=n"}) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, way, [] {
      (void)causal().bind({1, 1, 3, 5});
    }));
  }
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch, "sliding_window on a rec", [] {
        (void)sliding_window({.left = 1}).bind({1, 1, 3, 5});
      }));
}

TEST(Causal, EmptyBracesSayNothing) {
  EXPECT_EQ(causal({}), causal());
  EXPECT_FALSE(causal({}) == causal(Align::top_left));
}

TEST(Causal, EmptyShapesBind) {
  EXPECT_EQ(square(causal(), 0), Table{});
  EXPECT_EQ(table(causal(Align::bottom_right).bind({1, 1, 2, 0})),
            (Table{"", ""}));
}

TEST(Causal, AlignAndOffsetTogetherAreAnError) {
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "causal says both align and offset",
      [] { (void)causal({.align = Align::top_left, .offset = 1}); }));
}

TEST(Causal, OneOffsetForEachOfTheItemsOrOneForAll) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "causal: expected one offset for each of the 3 batch items, got 2", [] {
        (void)causal({.offset = PerBatch({1, 2})}).bind({3, 1, 4, 4});
      }));
}

TEST(SlidingWindow, CountsExcludeTheDiagonal) {
  EXPECT_EQ(square(sliding_window({.left = 1, .right = 0}), 4),
            (Table{"x...", "xx..", ".xx.", "..xx"}));
  EXPECT_EQ(square(sliding_window({.left = 0, .right = 2}), 4),
            (Table{"xxx.", ".xxx", "..xx", "...x"}));
  EXPECT_EQ(square(sliding_window({.left = 0, .right = 0}), 3),
            (Table{"x..", ".x.", "..x"}));
}

TEST(SlidingWindow, AnUnsaidSideIsUnlimited) {
  EXPECT_EQ(square(sliding_window({.left = 1}), 3),
            (Table{"xxx", "xxx", ".xx"}));
  EXPECT_EQ(square(sliding_window({.right = 1}), 3),
            (Table{"xx.", "xxx", "xxx"}));
  EXPECT_EQ(square(sliding_window({}), 2), (Table{"xx", "xx"}));
  EXPECT_EQ(square(sliding_window({.left = kMax, .right = kMax}), 2),
            (Table{"xx", "xx"}));
}

TEST(SlidingWindow, TakesAPositionAsCausalDoes) {
  EXPECT_EQ(table(sliding_window(
                      {.left = 1, .right = 0, .align = Align::bottom_right})
                      .bind({1, 1, 2, 5})),
            (Table{"..xx.", "...xx"}));
  EXPECT_EQ(table(sliding_window({.left = 0, .right = 1, .offset = 1})
                      .bind({1, 1, 2, 5})),
            (Table{".xx..", "..xx."}));
  EXPECT_EQ(square(sliding_window({.left = kMax, .offset = kMin}), 2),
            (Table{"xx", "xx"}));
}

TEST(SlidingWindow, NegativeSidesAreErrors) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "sliding_window: left is -1; expected a count",
                           [] { (void)sliding_window({.left = -1}); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "sliding_window: right is -9; expected a count",
                           [] { (void)sliding_window({.right = -9}); }));
}

// What a plan pays for: keys of a block about which each row must be asked.
int64_t mixed_keys(const BoundMask& mask, int64_t q_begin, int64_t q_end) {
  const BlockKeys keys = mask.block_keys(0, 0, q_begin, q_end);
  int64_t mixed = 0;
  for (const KeyInterval& some : keys.some) mixed += some.end - some.begin;
  for (const KeyInterval& every : keys.every) mixed -= every.end - every.begin;
  return mixed;
}

TEST(Band, EdgesOfABlockMixAtMostItsRows) {
  const AttentionShape shape{1, 1, 500, 500};
  for (const int64_t rows : {1, 16, 64}) {
    for (int64_t q = 0; q + rows <= 500; q += 61) {
      EXPECT_LT(mixed_keys(causal().bind(shape), q, q + rows), rows);
      const Mask window = sliding_window({.left = 100, .right = 70});
      EXPECT_LE(mixed_keys(window.bind(shape), q, q + rows), 2 * (rows - 1));
      const Mask one_side = sliding_window({.left = 100});
      EXPECT_LT(mixed_keys(one_side.bind(shape), q, q + rows), rows);
    }
  }
}

TEST(Band, ReasonsSayWhereTheKeyStands) {
  const BoundMask mask = causal({.offset = 1}).bind({1, 1, 4, 4});
  EXPECT_EQ(mask.clause({0, 0, 1, 3}).reason,
            "key 3 is 1 after query 1, which stands at position 1+1");
  EXPECT_EQ(mask.clause({0, 0, 2, 3}).reason,
            "key 3 is at the place of query 2, which stands at position 2+1");
  EXPECT_EQ(causal().bind({1, 1, 4, 4}).clause({0, 0, 3, 1}).reason,
            "key 1 is 2 before query 3");
  const BoundMask window =
      sliding_window({.left = 1, .right = 0}).bind({1, 1, 4, 4});
  EXPECT_EQ(window.clause({0, 0, 3, 1}).reason,
            "key 1 is 2 before query 3; the window reaches 1 back");
  EXPECT_EQ(window.clause({0, 0, 0, 2}).reason,
            "key 2 is 2 after query 0; the window reaches 0 ahead");
  EXPECT_EQ(window.clause({0, 0, 2, 2}).reason,
            "key 2 is at the place of query 2");
}

TEST(Band, CausalIsNotEqualToAWindowThatAllowsTheSame) {
  EXPECT_EQ(causal(), causal());
  EXPECT_EQ(causal({.offset = PerBatch({1, 2})}),
            causal({.offset = Tensor::from<int64_t>({2}, {1, 2})}));
  EXPECT_FALSE(causal() == sliding_window({.right = 0}));
  EXPECT_FALSE(causal() == causal(Align::top_left));
  EXPECT_FALSE(causal({.offset = 0}) == causal(Align::top_left));
  EXPECT_FALSE(sliding_window({.left = 1}) == sliding_window({.right = 1}));
}

TEST(Band, WritesWhatWasSaid) {
  EXPECT_EQ(to_string(causal()).text, "causal");
  EXPECT_EQ(to_string(causal(Align::bottom_right)).text,
            "causal(align=bottom_right)");
  EXPECT_EQ(to_string(causal({.offset = PerBatch({-1, 2})})).text,
            "causal(offset=[-1,2])");
  EXPECT_EQ(to_string(sliding_window({})).text, "sliding_window");
  EXPECT_EQ(to_string(sliding_window({.left = 2, .offset = kMin})).text,
            "sliding_window(left=2, offset=-9223372036854775808)");
}

}  // namespace
}  // namespace maskwise
