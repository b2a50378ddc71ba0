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

TEST(SideBySide, WhatDoesNotFitBeginsBelow) {
  const std::vector<std::string> drawings = {"aa\na\n", "bb\n", "cc\nccc\n"};
  EXPECT_EQ(side_by_side(drawings, 13), side_by_side(drawings));
  EXPECT_EQ(side_by_side(drawings, 12),
            "aa   bb\n"
            "a\n"
            "\n"
            "cc\n"
            "ccc\n");
  // One that is too wide by itself stands alone.
  for (const int64_t most : {6, 1, 0}) {
    EXPECT_EQ(side_by_side(drawings, most), "aa\na\n\nbb\n\ncc\nccc\n");
  }
  EXPECT_EQ(side_by_side({}, 5), "");
}

TEST(SideBySide, NothingIsNothing) {
  EXPECT_EQ(side_by_side({}), "");
  EXPECT_EQ(side_by_side({"", "a\n"}), "   a\n");
}

}  // namespace
}  // namespace maskwise::testing
