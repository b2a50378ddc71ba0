#include "training/text_answers.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::Vocabulary;
using nn::detail::TextIds;
using Texts = std::vector<std::string>;

TextIds ids_of(const std::string& text) { return {text.begin(), text.end()}; }

// Answers with the text itself; notes the batches it was asked for.
struct Echo {
  Texts operator()(const std::vector<TextIds>& batch) {
    Texts answers;
    for (const TextIds& one : batch) {
      answers.emplace_back(one.begin(), one.end());
    }
    batches.push_back(answers);
    return answers;
  }

  std::vector<Texts> batches;
};

Texts answers(Echo& echo, const Texts& texts, int64_t most) {
  return nn::detail::answers_by_length(
      texts, most, ids_of,
      [&](const std::vector<TextIds>& batch) { return echo(batch); });
}

TEST(AnswersByLength, ComeInOrderFromBatchesOfLikeLengths) {
  const Texts texts = {"ccc", "a", "bb", "d", "eee", "a", "ff"};
  Echo echo;
  EXPECT_EQ(answers(echo, texts, 3), texts);
  EXPECT_EQ(echo.batches, (std::vector<Texts>{
                              {"a", "d", "a"}, {"bb", "ff", "ccc"}, {"eee"}}));
  for (const int64_t most : {1, 2, 7, 100}) {
    EXPECT_EQ(answers(echo, texts, most), texts) << most;
  }
}

TEST(AnswersByLength, OfNoTextAreNone) {
  Echo echo;
  EXPECT_TRUE(answers(echo, {}, 3).empty());
  EXPECT_TRUE(echo.batches.empty());
}

TEST(AnswersByLength, AreNotBegunBeforeEveryTextIsRead) {
  Echo echo;
  const auto encode = [](const std::string& text) {
    nn::detail::check_length("test", text, std::ssize(text), 2);
    return ids_of(text);
  };
  EXPECT_TRUE(throws_error(ErrorCode::limit, "'ccc'", [&] {
    nn::detail::answers_by_length(
        {"a", "ccc"}, 1, encode,
        [&](const std::vector<TextIds>& batch) { return echo(batch); });
  }));
  EXPECT_TRUE(echo.batches.empty());
}

TEST(AnswersByLength, NeedRoomForOneText) {
  Echo echo;
  for (const int64_t most : {0, -1}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[predict] " + std::to_string(most) + " texts",
                             [&] { answers(echo, {"a"}, most); }));
  }
}

TEST(CheckLength, RefusesWhatIsEmptyOrTooLong) {
  nn::detail::check_length("test", "a", 1, 3);
  nn::detail::check_length("test", "abc", 3, 3);
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "[test] ' ' has 0 symbols; expected from 1",
      [] { nn::detail::check_length("test", " ", 0, 3); }));
  EXPECT_TRUE(throws_error(
      ErrorCode::limit, "'ab\\nc' has 4 symbols; expected from 1 to 3",
      [] { nn::detail::check_length("test", "ab\nc", 4, 3); }));
}

TEST(CheckKnown, NamesTheFirstSymbolWithoutAnId) {
  const Vocabulary letters(nn::Split::characters, {"a", "ä"});
  nn::detail::check_known("test", "aäa", letters);
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "[test] 'aöz' holds 'ö', which is none of the 2 symbols",
                   [&] { nn::detail::check_known("test", "aöz", letters); }));
  const Vocabulary words(nn::Split::blanks, {"a", "<unknown>"});
  nn::detail::check_known("test", "a  <unknown>", words);
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "holds '<pad>'", [&] {
    nn::detail::check_known("test", "a <pad>", words);
  }));
}

TEST(UnknownSymbols, AreThoseWithoutAnIdInOrder) {
  const Vocabulary letters(nn::Split::characters, {"a", "ä"});
  EXPECT_EQ(nn::detail::unknown_symbols("zaözä", letters),
            (Texts{"z", "ö", "z"}));
  EXPECT_TRUE(nn::detail::unknown_symbols("aä", letters).empty());
  EXPECT_TRUE(nn::detail::unknown_symbols("", letters).empty());
}

}  // namespace
}  // namespace maskwise::testing
