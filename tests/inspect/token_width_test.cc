#include "inspect/token_width.h"

#include <gtest/gtest.h>

namespace maskwise::detail {
namespace {

TEST(TokenWidth, LettersTakeOneColumn) {
  for (const char32_t letter : {U'a', U'<', U'\u00E9', U'\u0416', U'\u2581'}) {
    EXPECT_EQ(columns_of(letter), 1);
  }
}

TEST(TokenWidth, EastAsianLettersAndEmojiTakeTwo) {
  for (const char32_t letter :
       {U'\u65E5', U'\uAC00', U'\u3042', U'\uFF21', U'\U0001F600'}) {
    EXPECT_EQ(columns_of(letter), 2);
  }
}

TEST(TokenWidth, MarksThatJoinALetterTakeNone) {
  for (const char32_t mark : {U'\u0301', U'\u0E31', U'\uFE0F', U'\u1161'}) {
    EXPECT_EQ(columns_of(mark), 0);
  }
}

TEST(TokenWidth, TheEndsOfARangeBelongToIt) {
  EXPECT_EQ(columns_of(0x2FF), 1);
  EXPECT_EQ(columns_of(0x300), 0);
  EXPECT_EQ(columns_of(0x36F), 0);
  EXPECT_EQ(columns_of(0x370), 1);
  EXPECT_EQ(columns_of(0x10FFFF), 1);
}

TEST(TokenWidth, ALineIsAsWideAsItsCharacters) {
  EXPECT_EQ(columns_of(std::string_view()), 0);
  EXPECT_EQ(columns_of(std::string_view("ae\u0301\u6F22")), 4);
}

TEST(TokenWidth, CodePointsAreTakenOneByOne) {
  std::string_view text = "a\u00E9\u6F22\U0001F600";
  for (const char32_t expected : {U'a', U'\u00E9', U'\u6F22', U'\U0001F600'}) {
    EXPECT_EQ(take_code_point(text), expected);
  }
  EXPECT_TRUE(text.empty());
}

}  // namespace
}  // namespace maskwise::detail
