#include "maskwise/nn/vocabulary.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"

namespace maskwise::testing {
namespace {

using nn::Split;
using nn::Vocabulary;
using Ids = std::vector<int64_t>;

std::vector<std::string> symbols_of(const Vocabulary& vocabulary) {
  std::vector<std::string> symbols;
  for (int64_t id = 0; id < vocabulary.size(); ++id) {
    symbols.push_back(vocabulary.symbol_of(id));
  }
  return symbols;
}

TEST(Vocabulary, NumbersTheCommonestFirstAndThenByTheirBytes) {
  const auto found = Vocabulary::from_texts({"baßba", "cac"});
  EXPECT_EQ(symbols_of(found),
            (std::vector<std::string>{"<pad>", "<begin>", "<end>", "<unknown>",
                                      "a", "b", "c", "ß"}));
  const auto turned = Vocabulary::from_texts({"cca", "abbaß"});
  EXPECT_EQ(symbols_of(turned), symbols_of(found));
  EXPECT_EQ(found.split(), Split::characters);
  EXPECT_EQ(Vocabulary::from_texts({"a b"}).split(), Split::blanks);
}

TEST(Vocabulary, KeepsAsManyAsAskedFor) {
  const std::vector<std::string> texts = {"aaabbc"};
  EXPECT_EQ(Vocabulary::from_texts(texts, {.most = 1}).size(), 5);
  EXPECT_EQ(Vocabulary::from_texts(texts, {.most = 9}).size(), 7);
  const auto common = Vocabulary::from_texts(texts, {.least_count = 2});
  EXPECT_EQ(common.encode("abc"), (Ids{4, 5, Vocabulary::kUnknown}));
  const auto whole =
      Vocabulary::from_texts({"a b"}, {.split = Split::characters});
  EXPECT_EQ(whole.id_of(" "), 4);
}

TEST(Vocabulary, TextComesBack) {
  const auto words = Vocabulary::from_texts({"the cat sat", "größe the"});
  const Ids ids = words.encode("größe sat  the");
  EXPECT_EQ(words.decode(ids), "größe sat the");
  const auto letters = Vocabulary::from_texts({"größe"});
  EXPECT_EQ(letters.decode(letters.encode("öße")), "öße");
}

TEST(Vocabulary, DecodingEndsAtTheEndAndSkipsWhatSaysNothing) {
  const Vocabulary words(Split::blanks, {"a", "b"});
  EXPECT_EQ(words.decode({1, 4, 0, 5, 3, 2, 4, 99}), "a b <unknown>");
  EXPECT_EQ(words.decode({}), "");
}

// A text that says "<pad>" must not become padding, which is absent.
TEST(Vocabulary, NoTextSaysTheFirstFour) {
  const auto words = Vocabulary::from_texts({"<pad> <end> a"});
  EXPECT_EQ(words.size(), 7);
  for (const int64_t id : words.encode("<pad> <end> a <begin>")) {
    EXPECT_GE(id, Vocabulary::kUnknown);
  }
  EXPECT_EQ(Vocabulary(Split::blanks).id_of("<pad>"), Vocabulary::kUnknown);
}

TEST(Vocabulary, RefusesBadSymbolsIdsAndOptions) {
  const ErrorCode value = ErrorCode::invalid_argument;
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"a", ""}, "[vocabulary] symbol 1, '', is empty"},
      {{"\xFF"}, "symbol 0, '\\xff', is not UTF-8"},
      {{"a", "b", "a"}, "symbol 2, 'a', comes twice"}};
  for (const auto& [symbols, fragment] : cases) {
    EXPECT_TRUE(throws_error(value, fragment, [&symbols = symbols] {
      Vocabulary(Split::blanks, symbols);
    }));
  }
  const Vocabulary one(Split::blanks, {"a"});
  for (const int64_t id : {-1, 5}) {
    EXPECT_TRUE(
        throws_error(value, "expected 0 to 4", [&] { one.symbol_of(id); }));
    EXPECT_TRUE(
        throws_error(value, "there is no id", [&] { one.decode({id}); }));
  }
  EXPECT_TRUE(throws_error(value, "is not UTF-8", [&] { one.encode("\x80"); }));
  EXPECT_TRUE(throws_error(value, "most is -1",
                           [] { Vocabulary::from_texts({}, {.most = -1}); }));
  EXPECT_TRUE(throws_error(value, "least_count 0", [] {
    Vocabulary::from_texts({}, {.least_count = 0});
  }));
}

TEST(Vocabulary, AFileGivesTheSameVocabulary) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("v.json");
  const std::vector<std::string> odd = {"\"", "\\",    "\t",
                                        "😀", "<pad>", std::string(1, '\0')};
  for (const Split split : {Split::characters, Split::blanks}) {
    const Vocabulary saved(split, odd);
    saved.save(path);
    const Vocabulary loaded = Vocabulary::load(path);
    EXPECT_EQ(loaded.split(), split);
    EXPECT_EQ(symbols_of(loaded), symbols_of(saved));
    EXPECT_EQ(loaded.id_of("😀"), 7);
  }
  Vocabulary(Split::blanks, {"a"}).save(path);
  EXPECT_EQ(bytes_of(path),
            "{\n \"format\": \"maskwise vocabulary 1\",\n \"split\": "
            "\"blanks\",\n \"symbols\": [\n  \"a\"\n ]\n}\n");
}

TEST(Vocabulary, AFileThatIsNoneSaysWhy) {
  const TemporaryDirectory directory;
  const std::string start = R"({"format": "maskwise vocabulary 1", )";
  const std::pair<std::string, std::string> cases[] = {
      {"", "is not JSON"},
      {"{", "is not JSON"},
      {"{\"format\": \"\xFF\"}", "is not JSON"},
      {std::string(100000, '['), "is not JSON"},
      {"[]", "expected an object with the text 'format'; it is no vocabulary"},
      {"{}", "expected an object with the text 'format'"},
      {R"({"format": 1})", "the text 'format'"},
      {R"({"format": "other"})",
       "format is 'other'; expected 'maskwise vocabulary 1'"},
      {R"({"format": "a", "format": "b"})", "the key 'format' comes twice"},
      {start + R"("symbols": []})", "the text 'split'"},
      {start + R"("split": "tokens"})",
       "split is 'tokens'; expected characters or blanks"},
      {start + R"("split": "blanks"})",
       "expected an object with the list 'symbols'"},
      {start + R"("split": "blanks", "symbols": {}})", "the list 'symbols'"},
      {start + R"("split": "blanks", "symbols": [1]})",
       "expected texts in 'symbols'"},
      {start + R"("split": "blanks", "symbols": ["a", "a"]})",
       "symbol 1, 'a', comes twice"}};
  for (const auto& [bytes, fragment] : cases) {
    const std::string path = directory.file("v.json", bytes);
    EXPECT_TRUE(
        throws_error(ErrorCode::io, fragment, [&] { Vocabulary::load(path); }));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[vocabulary] '" + path + "': ",
                             [&] { Vocabulary::load(path); }));
  }
  EXPECT_TRUE(throws_error(ErrorCode::io, "No such file",
                           [&] { Vocabulary::load(directory.path("none")); }));
}

}  // namespace
}  // namespace maskwise::testing
