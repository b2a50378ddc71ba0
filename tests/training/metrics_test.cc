#include "maskwise/nn/metrics.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::error_rates;
using nn::ErrorRates;

struct EditCase {
  std::string expected;
  std::string answer;
  int64_t edits;
};

TEST(ErrorRates, CountTheFewestEditsBetweenSymbols) {
  const EditCase cases[] = {{"k i t t e n", "s i t t i n g", 3},
                            {"s a t u r d a y", "s u n d a y", 3},
                            {"a b c", "a b c", 0},
                            {"a b c", "", 3},
                            {"", "a b", 2},
                            {"", "", 0},
                            {"a b", "b a", 2},
                            {"a b c d", "b c d e", 2},
                            {"a b c", "x a b c", 1},
                            {"a b c", "a c", 1},
                            {"abc", "abd", 1},  // whole symbols
                            {"ä ö", "ä o", 1}};
  for (const auto& [expected, answer, edits] : cases) {
    const ErrorRates there = error_rates({expected}, {answer});
    EXPECT_EQ(there.edits, edits) << expected << " | " << answer;
    EXPECT_EQ(there.wrong, edits > 0 ? 1 : 0);
    EXPECT_EQ(error_rates({answer}, {expected}).edits, edits);
  }
}

TEST(ErrorRates, AddUpOverAnswersAsPercents) {
  const ErrorRates rates =
      error_rates({"a b c", "d", "e f g h"}, {"a b c", "d d d", "e f"});
  EXPECT_EQ(rates.n, 3);
  EXPECT_EQ(rates.wrong, 2);
  EXPECT_EQ(rates.edits, 4);
  EXPECT_EQ(rates.symbols, 8);
  EXPECT_DOUBLE_EQ(rates.word_error_rate(), 200.0 / 3);
  EXPECT_DOUBLE_EQ(rates.symbol_error_rate(), 50);
  EXPECT_DOUBLE_EQ(rates.accuracy(), 100.0 / 3);
}

TEST(ErrorRates, TooLongAnswersAreAboveAHundredPercent) {
  EXPECT_DOUBLE_EQ(error_rates({"a"}, {"b c d"}).symbol_error_rate(), 300);
}

TEST(ErrorRates, MoreSpacesAreNoError) {
  EXPECT_EQ(error_rates({" a  b"}, {"a b "}).wrong, 0);
}

TEST(ErrorRates, OfNothingAreZero) {
  const ErrorRates none = error_rates({}, {});
  EXPECT_EQ(none.n, 0);
  EXPECT_EQ(none.word_error_rate(), 0);
  EXPECT_EQ(none.symbol_error_rate(), 0);
  EXPECT_EQ(none.accuracy(), 0);
  EXPECT_EQ(error_rates({""}, {"a"}).symbol_error_rate(), 0);
}

TEST(ErrorRates, NeedAnAnswerToEach) {
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "[error_rates] 1 answers to 2 questions", [] {
                             error_rates({"a", "b"}, {"a"});
                           }));
}

TEST(ErrorRates, SymbolsMayBeCharacters) {
  const ErrorRates rates =
      error_rates({"a\u00DFc", "de"}, {"a\u00DF", "de"}, nn::Split::characters);
  EXPECT_EQ(rates.wrong, 1);
  EXPECT_EQ(rates.edits, 1);
  EXPECT_EQ(rates.symbols, 5);
}

}  // namespace
}  // namespace maskwise::testing
