#include "maskwise/nn/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::BatchOptions;
using nn::ExampleLength;
using Batches = std::vector<std::vector<int64_t>>;

TEST(LoadPairs, ReadsLinesWhateverTheirEnds) {
  const TemporaryDirectory directory;
  for (const char* bytes :
       {"a b\tc\ngröße\t x\n", "a b\tc\r\ngröße\t x\r\n", "a b\tc\ngröße\t x",
        "\xEF\xBB\xBF"
        "a b\tc\ngröße\t x\n"}) {
    const auto pairs = nn::load_pairs(directory.file("a.tsv", bytes));
    ASSERT_EQ(pairs.size(), 2U);
    EXPECT_EQ(pairs[0].source, "a b");
    EXPECT_EQ(pairs[0].target, "c");
    EXPECT_EQ(pairs[1].source, "größe");
    EXPECT_EQ(pairs[1].target, " x");
  }
}

TEST(LoadTexts, AreWhatStandsBeforeTheFirstTab) {
  const TemporaryDirectory directory;
  for (const char* bytes : {"a b\ngröße\n c\n", "a b\tx\r\ngröße\t\r\n c\ty\tz",
                            "\xEF\xBB\xBF"
                            "a b\ngröße\t \n c"}) {
    EXPECT_EQ(nn::load_texts(directory.file("a.txt", bytes)),
              (std::vector<std::string>{"a b", "größe", " c"}));
  }
}

TEST(LoadTexts, ABadFileIsNamedWithItsLine) {
  const TemporaryDirectory directory;
  const std::pair<std::string, std::string> cases[] = {
      {"", "' is empty; expected lines of text, up to a tab"},
      {"\xEF\xBB\xBF", "' is empty"},
      {"a\n\nb\n", "line 2: there is no text; expected text, up to a tab"},
      {"a\n\tb\n", "line 2: there is no text"},
      {"  \r\n", "line 1: there is no text"},
      {"a\nb\xC3\n", "line 2: byte 2, 0xc3, is not UTF-8"},
      {"a\tb\xC3\n", "line 1: byte 4, 0xc3, is not UTF-8"}};
  for (const auto& [bytes, fragment] : cases) {
    const std::string path = directory.file("bad.txt", bytes);
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { nn::load_texts(path); }));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[texts] '" + path + "'",
                             [&] { nn::load_texts(path); }));
  }
}

TEST(Digest, IsOfThePairsAndWhereTheyEnd) {
  const std::vector<nn::TextPair> pairs = {{"a", "bc"}, {"d", "e"}};
  const std::string digest = nn::digest(pairs);
  EXPECT_EQ(digest, "b52488a8e5524042");
  EXPECT_EQ(nn::digest({}), "cbf29ce484222325");
  const std::vector<nn::TextPair> others[] = {
      {{"ab", "c"}, {"d", "e"}}, {{"a", "bcd"}, {"", "e"}},
      {{"d", "e"}, {"a", "bc"}}, {{"a", "bc"}},
      {{"a", "bc"}, {"d", "f"}}, {{"A", "bc"}, {"d", "e"}}};
  for (const auto& other : others) EXPECT_NE(nn::digest(other), digest);
}

TEST(Sides, AreInTheOrderOfThePairs) {
  const std::vector<nn::TextPair> pairs = {{"b", "B"}, {"a", "A"}, {"b", "C"}};
  EXPECT_EQ(nn::sides(pairs, &nn::TextPair::source),
            (std::vector<std::string>{"b", "a", "b"}));
  EXPECT_EQ(nn::sides(pairs, &nn::TextPair::target),
            (std::vector<std::string>{"B", "A", "C"}));
}

TEST(LoadPairs, ABadFileIsNamedWithItsLine) {
  const TemporaryDirectory directory;
  const std::pair<std::string, std::string> cases[] = {
      {"", "' is empty; expected lines of a source, a tab and a target"},
      {"\xEF\xBB\xBF", "' is empty"},
      {"\n", "line 1: the line is empty; expected a source, a tab and"},
      {"a\tb\n\nc\td\n", "line 2: the line is empty"},
      {"a\tb\n  \r\n", "line 2: the line is empty"},
      {"a\tb\nab\n", "line 2: there is no tab"},
      {"a\tb\nc\t\n", "line 2: the target is empty"},
      {"a\t  \n", "line 1: the target is empty"},
      {"a\t\r\n", "line 1: the target is empty"},
      {"\tb\n", "line 1: the source is empty"},
      {"\t\n", "line 1: the source is empty"},
      {"a\tb\nc\td\te\n", "line 2: there are 2 tabs"},
      {"a\tb\nc\td\xC3\n", "line 2: byte 4, 0xc3, is not UTF-8"}};
  for (const auto& [bytes, fragment] : cases) {
    const std::string path = directory.file("bad.tsv", bytes);
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { nn::load_pairs(path); }));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[pairs] '" + path + "'",
                             [&] { nn::load_pairs(path); }));
  }
  EXPECT_TRUE(throws_error(ErrorCode::io, "No such file",
                           [&] { nn::load_pairs(directory.path("none")); }));
}

std::vector<ExampleLength> random_lengths(Rng& rng, int64_t count) {
  std::vector<ExampleLength> lengths;
  for (int64_t i = 0; i < count; ++i) {
    lengths.push_back({uniform(rng, 0, 9), uniform(rng, 0, 9)});
  }
  return lengths;
}

int64_t tokens_of(const std::vector<int64_t>& batch,
                  const std::vector<ExampleLength>& lengths) {
  ExampleLength longest;
  for (const int64_t i : batch) {
    const auto& [source, target] = lengths[static_cast<size_t>(i)];
    longest.source = std::max(longest.source, source);
    longest.target = std::max(longest.target, target);
  }
  return std::ssize(batch) * (longest.source + longest.target);
}

TEST(Batches, HoldEveryExampleOnceWithinTheLimits) {
  Rng rng(1);
  for (int i = 0; i < 200; ++i) {
    const auto lengths = random_lengths(rng, uniform(rng, 0, 60));
    BatchOptions options = {.most_tokens = uniform(rng, 18, 90),
                            .seed = static_cast<uint64_t>(i)};
    if (one_in(rng, 2)) options.most_examples = uniform(rng, 1, 7);
    if (options.most_examples && one_in(rng, 2)) options.most_tokens.reset();
    std::set<int64_t> seen;
    for (const auto& batch : nn::batches(lengths, options)) {
      EXPECT_FALSE(batch.empty());
      EXPECT_LE(std::ssize(batch), options.most_examples.value_or(60));
      EXPECT_LE(tokens_of(batch, lengths), options.most_tokens.value_or(2000));
      for (const int64_t one : batch) EXPECT_TRUE(seen.insert(one).second);
    }
    EXPECT_EQ(seen.size(), lengths.size());
    EXPECT_TRUE(seen.empty() || *seen.rbegin() == std::ssize(lengths) - 1);
  }
}

// Batches in the order in which the examples come pad half of their tokens
// here; batches by length nearly none.
TEST(Batches, PutLikeLengthsTogether) {
  Rng rng(2);
  const auto lengths = random_lengths(rng, 2000);
  int64_t real = 0;
  for (const auto& [source, target] : lengths) real += source + target;
  int64_t padded = 0;
  for (const auto& batch : nn::batches(lengths, {.most_examples = 10})) {
    padded += tokens_of(batch, lengths);
  }
  EXPECT_LT(padded, real + real / 10);
}

// The orders themselves, written down from a rewrite in Python: another machine
// or library must give the same.
TEST(Batches, AreTheSameForTheSameSeedAndEpochOnEveryMachine) {
  const std::vector<ExampleLength> lengths = {{3, 1}, {1, 2}, {3, 1}, {2, 2},
                                              {1, 1}, {3, 1}, {9, 1}};
  const auto of = [&](uint64_t seed, int64_t epoch) {
    return nn::batches(lengths,
                       {.most_examples = 2, .seed = seed, .epoch = epoch});
  };
  EXPECT_EQ(of(7, 0), (Batches{{3, 2}, {4, 1}, {6}, {0, 5}}));
  EXPECT_EQ(of(7, 1), (Batches{{6}, {5, 0}, {3, 2}, {4, 1}}));
  EXPECT_EQ(of(7, 1), of(7, 1));
  EXPECT_NE(of(7, 0), of(8, 0));
}

TEST(Batches, RefuseWhatCannotBe) {
  const std::vector<ExampleLength> lengths = {{2, 3}, {4, 2}};
  const auto refuses = [&](const std::string& fragment, BatchOptions options,
                           const std::vector<ExampleLength>& of) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[batches] " + fragment,
                             [&] { nn::batches(of, options); }));
  };
  refuses("there is no limit; expected most_examples or most_tokens", {},
          lengths);
  refuses("most_examples is 0 and most_tokens 1", {.most_examples = 0},
          lengths);
  refuses("most_examples is 1 and most_tokens -5", {.most_tokens = -5},
          lengths);
  refuses("epoch is -1", {.most_examples = 1, .epoch = -1}, lengths);
  refuses("example 1 has 4 and 2 tokens, and a batch may have 5; leave it out",
          {.most_tokens = 5}, lengths);
  refuses("example 0 has the lengths -1 and 0", {.most_tokens = 5}, {{-1, 0}});
  const int64_t huge = INT64_MAX;
  refuses("example 0 has", {.most_tokens = 5}, {{huge, huge}});
}

TEST(PaddedIds, FillsUpAtTheEnd) {
  EXPECT_TRUE(
      same_bits(nn::padded_ids({{5}, {6, 7, 8}, {}}),
                Tensor::from<int64_t>({3, 3}, {5, 0, 0, 6, 7, 8, 0, 0, 0})));
  EXPECT_EQ(nn::padded_ids({}).shape(), (Shape{0, 0}));
}

}  // namespace
}  // namespace maskwise::testing
