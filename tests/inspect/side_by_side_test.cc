// Drawings beside each other: side_by_side().
#include <gtest/gtest.h>

#include "maskwise/inspect.h"

namespace maskwise::testing {
namespace {

TEST(SideBySide, LinesMeetAndColumnsKeepApart) {
  EXPECT_EQ(side_by_side({"ab\nc\n", "1\n22\n333\n", "x\n"}),
            "ab   1     x\n"
            "c    22\n"
            "     333\n");
}

// An accent has no column, a wide character two.
TEST(SideBySide, CountsColumnsAndNotBytes) {
  EXPECT_EQ(side_by_side({"\u25A0 \u00B7\ne\u0301\n\u6F22\n", "1\n2\n3\n"}),
            "\u25A0 \u00B7   1\ne\u0301     2\n\u6F22    3\n");
}

TEST(SideBySide, NothingIsNothing) {
  EXPECT_EQ(side_by_side({}), "");
  EXPECT_EQ(side_by_side({"", "a\n"}), "   a\n");
}

}  // namespace
}  // namespace maskwise::testing
