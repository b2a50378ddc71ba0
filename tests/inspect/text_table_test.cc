#include "inspect/text_table.h"

#include <gtest/gtest.h>

namespace maskwise::testing {
namespace {

TEST(TextTable, ColumnsAreAsWideAsTheirWidest) {
  detail::TextTable table(Charset::unicode);
  table.row({"a", "12", "3"});
  table.row({"long", "1"});
  EXPECT_EQ(table.text(1),
            "  a     12  3\n"
            "  long   1\n");
  EXPECT_EQ(table.text(0),
            "     a  12  3\n"
            "  long   1\n");
}

TEST(TextTable, EscapesWhatTheCharactersCannotShow) {
  detail::TextTable table(Charset::ascii);
  table.row({"\u00E9", "1"});
  EXPECT_EQ(table.text(1), "  \\u00e9  1\n");
}

}  // namespace
}  // namespace maskwise::testing
