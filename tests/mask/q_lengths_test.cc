#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::Table;
using testing::table;
using testing::throws_error;

TEST(QLengths, OnlyTheFirstQueriesSeeKeys) {
  const BoundMask mask = q_lengths({1, 3}).bind({2, 1, 3, 2});
  EXPECT_EQ(table(mask, 0), (Table{"xx", "..", ".."}));
  EXPECT_EQ(table(mask, 1), (Table{"xx", "xx", "xx"}));
}

TEST(QLengths, BlocksAcrossTheLengthAreMixed) {
  const BoundMask mask = q_lengths({2}).bind({1, 1, 4, 5});
  EXPECT_EQ(mask.block_keys(0, 0, 0, 2).every, (KeyIntervals{{0, 5}}));
  EXPECT_EQ(mask.block_keys(0, 0, 1, 3).some, (KeyIntervals{{0, 5}}));
  EXPECT_EQ(mask.block_keys(0, 0, 1, 3).every, KeyIntervals{});
  EXPECT_EQ(mask.block_keys(0, 0, 2, 4).some, KeyIntervals{});
}

TEST(QLengths, AreLimitedByTheQueries) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "q_lengths: the length of batch item 0 is 4; expected 0 to 3", [] {
        (void)q_lengths({4}).bind({1, 1, 3, 9});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "q_lengths: expected one length for each batch item",
                           [] { (void)q_lengths(4); }));
}

TEST(QLengths, ReasonsAndText) {
  const Mask mask = q_lengths({1});
  EXPECT_EQ(mask.bind({1, 1, 2, 2}).clause({0, 0, 1, 0}).reason,
            "query 1 lies beyond the 1 token of sentence 0");
  EXPECT_EQ(to_string(mask).text, "q_lengths([1])");
  EXPECT_FALSE(mask == q_lengths({2}));
}

}  // namespace
}  // namespace maskwise
