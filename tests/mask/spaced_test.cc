#include <gtest/gtest.h>

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

TEST(Dilated, EveryStridethKeyOnBothSides) {
  EXPECT_EQ(square(dilated(2), 4), (Table{"x.x.", ".x.x", "x.x.", ".x.x"}));
  EXPECT_EQ(square(dilated(3), 4), (Table{"x..x", ".x..", "..x.", "x..x"}));
  EXPECT_EQ(square(dilated(1), 2), (Table{"xx", "xx"}));
  EXPECT_EQ(square(dilated(INT64_MAX), 3), (Table{"x..", ".x.", "..x"}));
}

TEST(Dilated, OffsetsOfEitherSign) {
  EXPECT_EQ(table(dilated(3, {.offset = 1}).bind({1, 1, 2, 6})),
            (Table{".x..x.", "..x..x"}));
  EXPECT_EQ(table(dilated(3, {.offset = -1}).bind({1, 1, 2, 6})),
            (Table{"..x..x", "x..x.."}));
  // -2^63 mod 3 is 1.
  EXPECT_EQ(table(dilated(3, {.offset = INT64_MIN}).bind({1, 1, 1, 4})),
            (Table{".x.."}));
}

TEST(Dilated, OffsetIsZeroOnARectangleWhenNoneIsSaid) {
  EXPECT_EQ(table(dilated(2).bind({1, 1, 2, 5})), (Table{"x.x.x", ".x.x."}));
  EXPECT_EQ(
      table(dilated(2, {.align = Align::bottom_right}).bind({1, 1, 2, 5})),
      (Table{".x.x.", "x.x.x"}));
}

TEST(Dilated, BlocksAreTheWindowsThatTheirRowsCover) {
  const BoundMask mask = dilated(5).bind({1, 1, 10, 10});
  EXPECT_EQ(mask.block_keys(0, 0, 1, 3).some, (KeyIntervals{{1, 3}, {6, 8}}));
  EXPECT_EQ(mask.block_keys(0, 0, 1, 3).every, KeyIntervals{});
  EXPECT_EQ(mask.block_keys(0, 0, 4, 6).some,
            (KeyIntervals{{0, 1}, {4, 6}, {9, 10}}));
  EXPECT_EQ(mask.block_keys(0, 0, 2, 3).every, (KeyIntervals{{2, 3}, {7, 8}}));
  EXPECT_EQ(mask.block_keys(0, 0, 0, 5).some, (KeyIntervals{{0, 10}}));
  EXPECT_EQ(dilated(1).bind({1, 1, 4, 4}).block_keys(0, 0, 0, 4).every,
            (KeyIntervals{{0, 4}}));
}

// A row over 2^31 keys has a billion windows: no list of them is a bound.
TEST(Dilated, BoundsOfEnormousRowsStaySmall) {
  const BoundMask mask = dilated(2).bind({1, 1, 4, INT32_MAX - 1});
  EXPECT_EQ(mask.block_keys(0, 0, 1, 2).some,
            (KeyIntervals{{0, INT32_MAX - 1}}));
  EXPECT_EQ(mask.block_keys(0, 0, 1, 2).every, KeyIntervals{});
}

TEST(Chunked, QueriesAndKeysOfOneChunk) {
  EXPECT_EQ(square(chunked(2), 5),
            (Table{"xx...", "xx...", "..xx.", "..xx.", "....x"}));
  EXPECT_EQ(square(chunked(INT64_MAX), 2), (Table{"xx", "xx"}));
}

TEST(Chunked, OffsetsMoveTheQueriesAndNotTheChunks) {
  EXPECT_EQ(table(chunked(3, {.offset = 2}).bind({1, 1, 3, 6})),
            (Table{"xxx...", "...xxx", "...xxx"}));
  EXPECT_EQ(table(chunked(3, {.offset = -1}).bind({1, 1, 2, 4})),
            (Table{"....", "xxx."}));
  EXPECT_EQ(table(chunked(2).bind({1, 1, 3, 5})),
            (Table{"xx...", "xx...", "..xx."}));
  EXPECT_EQ(
      table(chunked(2, {.align = Align::bottom_right}).bind({1, 1, 2, 5})),
      (Table{"..xx.", "....x"}));
}

TEST(Spaced, NumbersBelowOneAreErrors) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "dilated: stride is 0; expected a number >= 1",
                           [] { (void)dilated(0); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "chunked: size is -4; expected a number >= 1",
                           [] { (void)chunked(-4); }));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "dilated says both align and offset",
      [] { (void)dilated(2, {.align = Align::top_left, .offset = 1}); }));
}

TEST(Spaced, ItemsOfEqualResidueShareASlice) {
  const AttentionShape shape{3, 1, 4, 4};
  EXPECT_EQ(dilated(3, {.offset = PerBatch({1, 4, 5})}).bind(shape).slice_ids(),
            (std::vector<int32_t>{0, 0, 1}));
}

TEST(Spaced, ReasonsAndText) {
  EXPECT_EQ(dilated(3).bind({1, 1, 5, 5}).clause({0, 0, 4, 2}).reason,
            "query 4 and key 2 are 2 apart, not a multiple of 3");
  EXPECT_EQ(
      chunked(2, {.offset = 1}).bind({1, 1, 5, 5}).clause({0, 0, 2, 4}).reason,
      "query 2 lies in chunk 1 and key 4 in chunk 2");
  EXPECT_EQ(to_string(dilated(3, {.offset = 2})).text,
            "dilated(stride=3, offset=2)");
  EXPECT_EQ(to_string(chunked(3)).text, "chunked(size=3)");
  EXPECT_FALSE(dilated(3) == dilated(4));
}

}  // namespace
}  // namespace maskwise
