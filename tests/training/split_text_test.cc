#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "maskwise/nn/vocabulary.h"
#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::Split;
using Symbols = std::vector<std::string>;

TEST(SplitText, CharactersAreCodePoints) {
  EXPECT_EQ(nn::split_text("aß€😀", Split::characters),
            (Symbols{"a", "ß", "€", "😀"}));
  EXPECT_EQ(nn::split_text("", Split::characters), Symbols{});
}

TEST(SplitText, BlanksSeparateAndAreNoSymbols) {
  EXPECT_EQ(nn::split_text("  the größe  is 😀 ", Split::blanks),
            (Symbols{"the", "größe", "is", "😀"}));
  EXPECT_EQ(nn::split_text("   ", Split::blanks), Symbols{});
}

TEST(SplitText, ATextWithASpaceIsSplitAtBlanks) {
  EXPECT_EQ(nn::split_for({"abc", "d"}), Split::characters);
  EXPECT_EQ(nn::split_for({"abc", "d e"}), Split::blanks);
  EXPECT_EQ(nn::split_for({}), Split::characters);
}

TEST(SplitText, OrTheShareOfTextsThatIsAskedFor) {
  EXPECT_EQ(nn::split_for({"abc", "d e"}, 0.5), Split::characters);
  EXPECT_EQ(nn::split_for({"abc", "d e", "f g"}, 0.5), Split::blanks);
  EXPECT_EQ(nn::split_for({}, 0.5), Split::characters);
}

TEST(SplitText, WhatIsNotUtf8IsAnErrorThatNamesTheByte) {
  for (const Split split : {Split::characters, Split::blanks}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[split_text] byte 3 of the text, 0xff, is not",
                             [=] { nn::split_text("ab\xFF", split); }));
  }
}

TEST(JoinSymbols, UndoesSplitText) {
  for (const Split split : {Split::characters, Split::blanks}) {
    EXPECT_EQ(nn::join_symbols(nn::split_text("größe is 😀", split), split),
              "größe is 😀");
  }
  EXPECT_EQ(nn::join_symbols({}, Split::blanks), "");
}

}  // namespace
}  // namespace maskwise::testing
