#include "mask/text_lexer.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::throws_error;

TEST(Lexer, CutsNamesNumbersAndSymbols) {
  Lexer lexer("a.b_1 ( -12 ,x3)");
  const Token name = lexer.next();
  EXPECT_EQ(name.kind, TokenKind::name);
  EXPECT_EQ(name.text, "a.b_1");
  EXPECT_EQ(name.column, 1);
  EXPECT_TRUE(lexer.next().is('('));
  EXPECT_EQ(lexer.peek().value, -12);
  EXPECT_EQ(lexer.next().column, 9);
  EXPECT_TRUE(lexer.next().is(','));
  EXPECT_EQ(lexer.next().text, "x3");
  EXPECT_TRUE(lexer.next().is(')'));
  EXPECT_EQ(lexer.peek().kind, TokenKind::end);
  EXPECT_EQ(lexer.next().column, 17);
  EXPECT_EQ(lexer.next().kind, TokenKind::end);
}

TEST(Lexer, BlanksAreAnyWhitespace) {
  Lexer lexer(" \t\r\n all \n");
  EXPECT_EQ(lexer.peek().column, 6);
  lexer.next();
  EXPECT_EQ(lexer.peek().kind, TokenKind::end);
}

TEST(Lexer, NumbersAreWholeAndSigned) {
  EXPECT_EQ(Lexer("-9223372036854775808").peek().value, INT64_MIN);
  EXPECT_EQ(Lexer("007").peek().value, 7);
  for (const char* wrong : {"-", "1e9", "3.5", "5-3", "1_000", "0x10", "--1"}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument,
        "column 1: found '" + std::string(wrong) + "'; expected a whole number",
        [&] { Lexer lexer(wrong); }));
  }
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "is beyond 64 bits",
                           [] { Lexer lexer("-9223372036854775809"); }));
}

TEST(Lexer, OtherCharactersAreShownHarmless) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "column 2: found '$'; expected a mask word", [] {
                             Lexer lexer("a$");
                             lexer.next();
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "found '\\x1b'",
                           [] { Lexer lexer("\x1b[31m"); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "found '\u00FC'",
                           [] { Lexer lexer("\u00FC)"); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "found '\\xc3'",
                           [] { Lexer lexer("\xc3("); }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "found '!'; expected a mask word, a name, a whole "
                   "number or one of ( ) [ ] , = & | ~; write ~ for not",
                   [] { Lexer lexer("!causal"); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "found '",
                           [] { Lexer lexer(std::string_view("\0", 1)); }));
}

TEST(Lexer, DescribeShortensLongWords) {
  const std::string word(1000, 'w');
  EXPECT_LT(describe(Lexer(word).peek()).size(), 100U);
  EXPECT_EQ(describe(Lexer("").peek()), "the end of the text");
  EXPECT_EQ(describe(Lexer("causl").peek()), "'causl'");
}

}  // namespace
}  // namespace maskwise::detail
