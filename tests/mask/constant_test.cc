#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::Table;
using testing::table;

TEST(Constant, AllAllowsEveryPairAndNoneNoPair) {
  EXPECT_EQ(table(all().bind({1, 1, 2, 3})), (Table{"xxx", "xxx"}));
  EXPECT_EQ(table(none().bind({1, 1, 2, 3})), (Table{"...", "..."}));
}

TEST(Constant, AllIsEqualToAllOnly) {
  EXPECT_EQ(all(), all());
  EXPECT_FALSE(all() == none());
  EXPECT_FALSE(all() == ~none());
  EXPECT_EQ(to_string(all() & none()).text, "all & none");
}

TEST(Constant, Reasons) {
  EXPECT_EQ(all().bind({1, 1, 1, 1}).clause({}).reason,
            "every pair is allowed");
  EXPECT_EQ(none().bind({1, 1, 1, 1}).clause({}).reason, "no pair is allowed");
}

}  // namespace
}  // namespace maskwise
