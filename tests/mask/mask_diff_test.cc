#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::throws_error;

TEST(Diff, CountsThePairsAndNamesTheFirst) {
  const AttentionShape shape{1, 2, 3, 3};
  const MaskDiff found = diff(causal(), causal({.offset = 1}), shape);
  EXPECT_EQ(found.count, 2 * 2);
  EXPECT_EQ(found.first, (PairIndex{0, 0, 0, 1}));
  EXPECT_FALSE(found.first_allowed_by_a);
  EXPECT_TRUE(diff(causal({.offset = 1}), causal(), shape).first_allowed_by_a);
}

TEST(Diff, OfTwoWordingsOfOneMaskIsNothing) {
  const MaskDiff found =
      diff(causal(), sliding_window({.right = 0}), {2, 2, 40, 40});
  EXPECT_EQ(found.count, 0);
  EXPECT_EQ(found.first, std::nullopt);
  EXPECT_EQ(diff(all(), none(), {1, 1, 0, 4}).count, 0);
}

TEST(Diff, FindsTheItemAndHead) {
  const MaskDiff found =
      diff(all(), per_batch({all(), lengths({4, 2})}), {2, 3, 2, 4});
  EXPECT_EQ(found.count, 3 * 2 * 2);
  EXPECT_EQ(found.first, (PairIndex{1, 0, 0, 2}));
  EXPECT_TRUE(found.first_allowed_by_a);
}

TEST(Diff, OfDifferentShapesIsAnError) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "expected two masks of one shape, got [1, 1, 2, 2] and [1, 1, 3, 3]", [] {
        (void)diff(all().bind({1, 1, 2, 2}), all().bind({1, 1, 3, 3}));
      }));
}

}  // namespace
}  // namespace maskwise
