#include "inspect/token_label.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

std::string shown(std::string_view token, Charset charset = Charset::unicode) {
  return token_label(token, charset).text();
}

TEST(TokenLabel, WhatCannotBeSeenIsEscaped) {
  EXPECT_EQ(shown("\n\t\x1b[31m"), "\\n\\t\\x1b[31m");
  EXPECT_EQ(shown(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(shown("\u202Eabc"), "\\u202eabc");
  EXPECT_EQ(shown("\xff"), "\\xff");
  EXPECT_EQ(shown(" the "), "\u2423the\u2423");
  EXPECT_EQ(shown(" the ", Charset::ascii), "_the_");
  EXPECT_EQ(shown(""), "\"\"");
}

TEST(TokenLabel, QuotesStayAndBackslashesAreDoubled) {
  EXPECT_EQ(shown("say \"x\""), "say\u2423\"x\"");
  EXPECT_EQ(shown("\\n"), "\\\\n");
  EXPECT_EQ(shown("\\\""), "\\\\\"");
}

TEST(TokenLabel, AccentsJoinTheirLetterAndWideLettersTakeTwoColumns) {
  const Label cafe("cafe\u0301", Charset::unicode);
  EXPECT_EQ(cafe.glyphs().size(), 4U);
  EXPECT_EQ(cafe.columns(), 4);
  EXPECT_EQ(cafe.text(), "cafe\u0301");
  const Label japan("\u65E5\u672C", Charset::unicode);
  EXPECT_EQ(japan.glyphs().size(), 2U);
  EXPECT_EQ(japan.columns(), 4);
  EXPECT_EQ(Label("\u0301", Charset::unicode).text(), "\u25CC\u0301");
}

// Man, joiner, woman, joiner, girl: one picture of two columns.
TEST(TokenLabel, JoinedEmojiAreOneCharacter) {
  const std::string family = "\U0001F468\u200D\U0001F469\u200D\U0001F467";
  const Label label(family + "!", Charset::unicode);
  EXPECT_EQ(label.text(), family + "!");
  EXPECT_EQ(label.glyphs().size(), 2U);
  EXPECT_EQ(label.columns(), 3);
  for (const char* joined :
       {"\u2764\uFE0F\u200D\U0001F525", "\U0001F44D\U0001F3FD",
        "\U0001F3F3\uFE0F\u200D\U0001F308"}) {
    EXPECT_EQ(shown(joined), joined);
    EXPECT_EQ(Label(joined, Charset::unicode).glyphs().size(), 1U) << joined;
  }
}

TEST(TokenLabel, AJoinerElsewhereIsEscaped) {
  EXPECT_EQ(shown("a\u200Db"), "a\\u200db");
  EXPECT_EQ(shown("\U0001F468\u200D"), "\U0001F468\\u200d");
  EXPECT_EQ(shown("\U0001F468\u200Db"), "\U0001F468\\u200db");
  EXPECT_EQ(shown("\U0001F468\\u200d\U0001F467"),
            "\U0001F468\\\\u200d\U0001F467");
}

TEST(TokenLabel, AsciiEscapesAllThatIsNotAscii) {
  EXPECT_EQ(shown("caf\u00E9", Charset::ascii), "caf\\u00e9");
  EXPECT_EQ(shown("e\u0301", Charset::ascii), "e\\u0301");
  EXPECT_EQ(shown("\U0001F600", Charset::ascii), "\\U0001f600");
}

TEST(TokenLabel, LongTokensEndInAnEllipsis) {
  const auto cut = [](std::string_view token, Charset charset) {
    return Label(token, charset).shortened(6).text();
  };
  EXPECT_EQ(cut("sixsix", Charset::unicode), "sixsix");
  EXPECT_EQ(cut("sevenxx", Charset::unicode), "seven\u2026");
  EXPECT_EQ(cut("sevenxx", Charset::ascii), "seve..");
  // A wide letter that would stand half outside is left out.
  EXPECT_EQ(cut("\u65E5\u672C\u8A9E\u65E5", Charset::unicode),
            "\u65E5\u672C\u2026");
  EXPECT_EQ(cut(std::string(1 << 20, 'x'), Charset::unicode), "xxxxx\u2026");
}

TEST(TokenLabel, BlanksFillUpToTheWidth) {
  const Label label("\u65E5", Charset::unicode);
  EXPECT_EQ(label.at_left(4), "\u65E5  ");
  EXPECT_EQ(label.at_right(4), "  \u65E5");
  EXPECT_EQ(label.at_right(1), "\u65E5");
}

TEST(TokenLabel, ListsMayBeMissing) {
  const LabelLists lists = {{}, {"a", "b"}};
  EXPECT_FALSE(has_labels({}, 1));
  EXPECT_FALSE(has_labels(lists, 0));
  EXPECT_EQ(label_at(lists, 0, 1), "");
  EXPECT_EQ(label_at(lists, 1, 1), "b");
}

TEST(TokenLabel, ListsOfAnotherLengthAreRefused) {
  const AttentionShape shape = {1, 1, 2, 3};
  check_labels({{{"a", "b"}}, {{}}}, shape);
  EXPECT_TRUE(testing::throws_error(
      ErrorCode::shape_mismatch,
      "expected 3 key tokens for batch item 0, got 2", [&] {
        check_labels({{}, {{"a", "b"}}}, shape);
      }));
  EXPECT_TRUE(testing::throws_error(
      ErrorCode::shape_mismatch,
      "a list of query tokens for each of the 1 batch items, got 2 lists", [&] {
        check_labels({{{}, {}}, {}}, shape);
      }));
}

}  // namespace
}  // namespace maskwise::detail
