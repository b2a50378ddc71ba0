#include "training/json_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"

namespace maskwise::testing {
namespace {

using nn::detail::JsonFile;

TEST(JsonFile, GivesWhatItHolds) {
  const TemporaryDirectory directory;
  const JsonFile file("thing", directory.file("a.json", R"({
    "format": "thing 1", "least": -9223372036854775808,
    "most": 9223372036854775807, "half": 0.5, "whole": 3,
    "texts": ["b", "", "ä"], "none": [], "inner": {"format": 1}})"));
  file.check_format("thing 1");
  EXPECT_EQ(file.text("format"), "thing 1");
  EXPECT_EQ(file.whole_number("least"), INT64_MIN);
  EXPECT_EQ(file.whole_number("most"), INT64_MAX);
  EXPECT_EQ(file.number("half"), 0.5);
  EXPECT_EQ(file.number("whole"), 3);
  EXPECT_EQ(file.texts("texts"), (std::vector<std::string>{"b", "", "ä"}));
  EXPECT_TRUE(file.texts("none").empty());
  EXPECT_EQ(file.json().size(), 8U);
}

TEST(JsonFile, WhatIsNoJsonOrSaysAKeyTwiceIsRefusedWithItsName) {
  const TemporaryDirectory directory;
  const std::pair<std::string, std::string> cases[] = {
      {"", "is not JSON"},
      {"{\"a\": 1", "is not JSON: parse error at line 1, column 8: syntax"},
      {"{\"a\": \"\xC3\"}", "is not JSON"},
      {"{\"a\": 1e400}", "is not JSON"},
      {"{\"a\": 1, \"b\": 2, \"a\": 1}", "the key 'a' comes twice"},
      {"[{\"b\": {\"x\\n\": 1, \"x\\n\": 1}}]", "the key 'x\\n' comes twice"},
      {"{\"\": 1, \"\": 1}", "the key '' comes twice"}};
  for (const auto& [bytes, fragment] : cases) {
    const std::string path = directory.file("a.json", bytes);
    const auto open = [&] { JsonFile("thing", path); };
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment, open));
    EXPECT_TRUE(throws_error(ErrorCode::io, "[thing] '" + path + "': ", open));
    EXPECT_FALSE(throws_error(ErrorCode::io, "json.exception", open));
  }
  EXPECT_TRUE(throws_error(ErrorCode::io, "none.json", [&] {
    JsonFile("thing", directory.path("none.json"));
  }));
}

TEST(JsonFile, AKeyMayComeAgainInAnotherObject) {
  const TemporaryDirectory directory;
  const JsonFile file(
      "thing", directory.file("a.json", R"({"a": {"b": 1}, "b": {"b": 1}})"));
  EXPECT_EQ(file.json().size(), 2U);
}

using Ask = std::function<void(const JsonFile&)>;

TEST(JsonFile, WhatIsOfAnotherTypeIsRefusedWithItsKey) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("a.json", R"({
    "format": "thing\n2", "text": "x", "whole": 3, "part": 0.5,
    "large": 9223372036854775808, "mixed": ["x", 1]})");
  const JsonFile file("thing", path);
  const std::pair<std::string, Ask> cases[] = {
      {"format is 'thing\\n2'; expected 'thing 1'",
       [](const JsonFile& f) { f.check_format("thing 1"); }},
      {"the text 'whole'; it is no thing",
       [](const JsonFile& f) { f.text("whole"); }},
      {"the text 'none'", [](const JsonFile& f) { f.text("none"); }},
      {"the whole number 'part'",
       [](const JsonFile& f) { f.whole_number("part"); }},
      {"large is 9223372036854775808; expected at most 9223372036854775807",
       [](const JsonFile& f) { f.whole_number("large"); }},
      {"the number 'text'", [](const JsonFile& f) { f.number("text"); }},
      {"the list 'text'", [](const JsonFile& f) { f.texts("text"); }},
      {"expected texts in 'mixed'",
       [](const JsonFile& f) { f.texts("mixed"); }},
      {"is odd", [](const JsonFile& f) { f.refuse("is odd"); }}};
  for (const auto& [fragment, ask] : cases) {
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment, [&] { ask(file); }));
    EXPECT_TRUE(throws_error(ErrorCode::io,
                             "[thing] '" + path + "': ", [&] { ask(file); }));
  }
  const JsonFile list("thing", directory.file("b.json", "[1]"));
  EXPECT_TRUE(throws_error(ErrorCode::io, "expected an object with the text",
                           [&] { list.text("format"); }));
}

}  // namespace
}  // namespace maskwise::testing
