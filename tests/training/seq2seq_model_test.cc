#include "training/seq2seq_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::LossSum;
using nn::Split;
using nn::TextExample;
using nn::Vocabulary;
using nn::detail::Seq2SeqModel;
using Ids = std::vector<int64_t>;

// Its parameters are zeros and ones: all symbols are equally likely.
Seq2SeqModel undecided() {
  nn::TextModelOptions options = tiny_options(nn::Task::seq2seq);
  options.longest_answer = 3;
  return Seq2SeqModel(options, Vocabulary(Split::characters, {"a", "b"}),
                      Vocabulary(Split::characters, {"x", "y", "z"}));
}

TEST(Seq2SeqModel, ReadsEachSideByItsOwnVocabulary) {
  const Seq2SeqModel model = undecided();
  const TextExample example = model.encode({"ab?", "zax"});
  EXPECT_EQ(example.source, (Ids{4, 5, Vocabulary::kUnknown}));
  EXPECT_EQ(example.target, (Ids{6, Vocabulary::kUnknown, 4}));
}

TEST(Seq2SeqModel, AnswersInTheSymbolsOfItsTargets) {
  const nn::TextModelOptions options = tiny_options(nn::Task::seq2seq);
  EXPECT_EQ(nn::make_text_model(options, {{"a b", "xy"}}, 1)->target_split(),
            Split::characters);
  EXPECT_EQ(nn::make_text_model(options, {{"ab", "x y"}}, 1)->target_split(),
            Split::blanks);
}

TEST(Seq2SeqModel, RefusesTextsThatAreEmptyOrTooLong) {
  const Seq2SeqModel model = undecided();
  const std::string eleven(11, 'x');
  model.encode({eleven + "x", eleven});
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "[seq2seq] '" + eleven + "x' has 13 symbols", [&] {
                             model.encode({"a", eleven + "x"});
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "has 13 symbols", [&] {
    model.encode({eleven + "xx", "x"});
  }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "[seq2seq] '' has 0", [&] {
        model.encode({"", "x"});
      }));
}

TEST(Seq2SeqModel, ATextIsReadAsItIsAnswered) {
  const Seq2SeqModel model = undecided();
  constexpr auto kRead = nn::UnknownSymbols::read;
  constexpr auto kRefuse = nn::UnknownSymbols::refuse;
  EXPECT_EQ(model.encode_source("ab?", kRead),
            (Ids{4, 5, Vocabulary::kUnknown}));
  EXPECT_EQ(model.encode_source("ba", kRefuse), (Ids{5, 4}));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "[seq2seq] 'ab?' holds '?', which is none",
                           [&] { model.encode_source("ab?", kRefuse); }));
  for (const auto unknown : {kRead, kRefuse}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[seq2seq] '' has 0 symbols",
                             [&] { model.encode_source("", unknown); }));
    EXPECT_TRUE(throws_error(ErrorCode::limit, "has 13 symbols", [&] {
      model.encode_source(std::string(13, 'a'), unknown);
    }));
  }
}

TEST(Seq2SeqModel, KnowsWhatItDoesNotKnow) {
  const Seq2SeqModel model = undecided();
  const nn::UnknownParts none = model.unknown_in({"ab", "xyz"});
  EXPECT_TRUE(none.source.empty());
  EXPECT_TRUE(none.target.empty());
  const nn::UnknownParts some = model.unknown_in({"xaö", "ab"});
  EXPECT_EQ(some.source, (std::vector<std::string>{"x", "ö"}));
  EXPECT_EQ(some.target, (std::vector<std::string>{"a", "b"}));
}

// ln 7 for each of the symbols and the end: a mean over 7 equal classes.
TEST(Seq2SeqModel, TheLossCountsEachSymbolAndTheEnd) {
  Seq2SeqModel model = undecided();
  const std::vector<LossSum> sums =
      model.losses({model.encode({"ab", "xyz"}), model.encode({"b", "y"})}, {});
  ASSERT_EQ(sums.size(), 2U);
  EXPECT_EQ(sums[0].targets, 4);
  EXPECT_EQ(sums[1].targets, 2);
  for (const LossSum& one : sums) {
    EXPECT_NEAR(one.mean(), std::log(7.0), 1e-6);
  }
}

// The parameters of the end's logit, and nothing else, are set: each target of
// an end gains what others lose, so the loss tells which targets are ends.
TEST(Seq2SeqModel, TheEndIsTheLastTarget) {
  Seq2SeqModel model = undecided();
  const double before = model.losses({model.encode({"a", "xyz"})}, {})[0].sum;
  Tensor bias = model.module().parameters().at("output.bias");
  bias.mutable_data<float>()[Vocabulary::kEnd] = 2;
  const double after = model.losses({model.encode({"a", "xyz"})}, {})[0].sum;
  // Of 4 targets one is the end: 4 ln(6 + e^2) - 2.
  EXPECT_NEAR(after, 4 * std::log(6 + std::exp(2.0)) - 2, 1e-5);
  EXPECT_NEAR(before, 4 * std::log(7.0), 1e-5);
}

// Of equally likely symbols the search takes any, up to the longest answer.
TEST(Seq2SeqModel, AnswersAreNoLongerThanTheLongest) {
  const auto model = tiny_model(nn::Task::seq2seq);
  nn::TextModelOptions options = tiny_options(nn::Task::seq2seq);
  for (const int64_t longest : {1, 2, 12}) {
    options.longest_answer = longest;
    const auto short_one = nn::make_text_model(options, reversed_words(), 1);
    for (const std::string& text :
         short_one->predict(sources_for(nn::Task::seq2seq), {.beam = 1})) {
      EXPECT_LE(std::ssize(text), longest);
    }
  }
  // Twice the longest target, 4, and 8, but no more than the model reads.
  EXPECT_EQ(model->options().longest_answer, 12);
}

TEST(Seq2SeqModel, ASearchThatCannotBeIsRefused) {
  const auto model = tiny_model(nn::Task::seq2seq);
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "a beam of 0",
                           [&] { model->predict({"ab"}, {.beam = 0}); }));
}

}  // namespace
}  // namespace maskwise::testing
