#include "base/printable.h"

#include <gtest/gtest.h>

namespace maskwise::detail {
namespace {

TEST(Printable, OrdinaryTextIsUnchanged) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("encoder.layer.0/q (B, H)"), "encoder.layer.0/q (B, H)");
  EXPECT_EQ(printable("Gewichte_Größe_重み"), "Gewichte_Größe_重み");
}

TEST(Printable, QuotesStayAndBackslashesAreDoubled) {
  EXPECT_EQ(printable("\"a\""), "\"a\"");
  EXPECT_EQ(printable("\\\"n"), "\\\\\"n");
}

TEST(Printable, ControlAndInvisibleCharactersBecomeEscapes) {
  EXPECT_EQ(printable("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(printable("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xC2\x85"), "\\x85");        // next line
  EXPECT_EQ(printable("\xE2\x80\xAE"), "\\u202e");  // right to left
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\u2028");  // line separator
}

TEST(Printable, BytesThatAreNotUtf8BecomeEscapes) {
  EXPECT_EQ(printable("a\xFFz"), "a\\xffz");
  EXPECT_EQ(printable("\xC3"), "\\xc3");
}

TEST(Printable, LongTextIsCutWithDots) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), kLongestShownName + 3);
}

TEST(Printable, ACutNeverGoesThroughACharacter) {
  EXPECT_EQ(printable("ab\xC3\xA9z", 3), "ab...");
  EXPECT_EQ(printable("ab\xC3\xA9z", 4), "ab\xC3\xA9...");
  EXPECT_EQ(printable("a\xF0\x9F\x98\x80z", 4), "a...");
  // No characters at all: the cut gives up after three bytes.
  EXPECT_EQ(printable("\x80\x80\x80\x80\x80\x80\x80", 5), "\\x80\\x80...");
}

}  // namespace
}  // namespace maskwise::detail
