#include "base/suggest.h"

#include <gtest/gtest.h>

namespace maskwise::detail {
namespace {

const std::vector<std::string_view> kWords = {"causal", "padding", "documents",
                                              "sliding_window", "all"};

TEST(Suggest, TheNearestWordIsNamed) {
  EXPECT_EQ(did_you_mean("casual", kWords), "; did you mean 'causal'?");
  EXPECT_EQ(did_you_mean("pading", kWords), "; did you mean 'padding'?");
  EXPECT_EQ(did_you_mean("document", kWords), "; did you mean 'documents'?");
  EXPECT_EQ(did_you_mean("causal", kWords), "; did you mean 'causal'?");
}

TEST(Suggest, AThirdOfALongWordMayBeWrong) {
  EXPECT_EQ(did_you_mean("slide_windows", kWords),
            "; did you mean 'sliding_window'?");
}

TEST(Suggest, AWordThatIsNotNearGetsNoSuggestion) {
  EXPECT_EQ(did_you_mean("transformer", kWords), "");
  EXPECT_EQ(did_you_mean("", kWords), "");
  EXPECT_EQ(did_you_mean("causal", {}), "");
}

TEST(Suggest, AWordWithoutACommonLetterGetsNoSuggestion) {
  EXPECT_EQ(did_you_mean("q", {"k", "v"}), "");
  EXPECT_EQ(did_you_mean("xy", {"or"}), "");
}

TEST(Suggest, TheCaseOfLettersDoesNotCount) {
  EXPECT_EQ(did_you_mean("CAUSAL", kWords), "; did you mean 'causal'?");
  EXPECT_EQ(did_you_mean("AVX2", {"scalar", "avx2", "avx512"}),
            "; did you mean 'avx2'?");
  EXPECT_EQ(did_you_mean("f32", {"U32", "F32"}), "; did you mean 'F32'?");
}

TEST(Suggest, SwappedNeighboursAreOneEdit) {
  EXPECT_EQ(did_you_mean("pda", {"ids", "pad"}), "; did you mean 'pad'?");
  EXPECT_EQ(did_you_mean("lal", kWords), "; did you mean 'all'?");
}

TEST(Suggest, OfThreeLettersOneMayBeWrong) {
  EXPECT_EQ(did_you_mean("not", {"none"}), "");
  EXPECT_EQ(did_you_mean("all", {"bl"}), "");
  EXPECT_EQ(did_you_mean("al", kWords), "; did you mean 'all'?");
}

TEST(Suggest, OfEquallyNearWordsTheFirstIsNamed) {
  EXPECT_EQ(did_you_mean("bat", {"cat", "hat"}), "; did you mean 'cat'?");
}

TEST(Suggest, AWordLongerThanAnyOfOursCostsNothing) {
  const std::string long_word(64, 'a');
  EXPECT_NE(did_you_mean(long_word, {long_word}), "");
  EXPECT_EQ(did_you_mean(long_word + 'a', {long_word}), "");
  EXPECT_EQ(did_you_mean(std::string(10'000'000, 'a'), kWords), "");
}

TEST(Suggest, WordsAreJoinedWithCommas) {
  EXPECT_EQ(join_words({}), "");
  EXPECT_EQ(join_words({"a"}), "a");
  EXPECT_EQ(join_words({"a", "b", "c"}), "a, b, c");
}

}  // namespace
}  // namespace maskwise::detail
