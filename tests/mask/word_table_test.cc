#include "mask/word_table.h"

#include <gtest/gtest.h>

#include <set>

#include "maskwise/mask_text.h"
#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

TEST(WordTable, HoldsEveryWordOnce) {
  std::set<std::string_view> names;
  for (const WordRule& rule : word_rules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_NE(rule.make == nullptr, rule.make_of_masks == nullptr) << rule.name;
  }
  EXPECT_EQ(names.size(), 24U);
}

// Every word can be said with what it requires.
TEST(WordTable, EveryWordIsMadeFromItsRequiredArguments) {
  const TensorMap tensors = {{"ids", testing::ids({1, 2}, {0, 1})},
                             {"m", testing::booleans({1, 2}, "01")},
                             {"f", testing::floats({1, 2}, {0, 1})},
                             {"a", testing::floats({1, 2}, {0, -0.0F})}};
  const std::map<std::string_view, std::string> special = {
      {"documents", "(ids)"},      {"padding", "(ids)"},
      {"per_head", "(all)"},       {"per_batch", "(all)"},
      {"from_tf_tutorial", "(f)"}, {"from_additive", "(a)"},
      {"blocks", "(m, size=1)"}};
  // An alignment beside it, because some words want one on a rectangle.
  for (const WordRule& rule : word_rules()) {
    std::string arguments;
    for (const Parameter& parameter : rule.parameters) {
      if (parameter.need == Need::optional) continue;
      arguments = parameter.kind == ParameterKind::integer     ? "(2)"
                  : parameter.kind == ParameterKind::per_batch ? "([1])"
                                                               : "(m)";
    }
    if (special.contains(rule.name)) arguments = special.at(rule.name);
    const std::string text = std::string(rule.name) + arguments;
    const bool documents = rule.name == "documents";
    const AttentionShape shape{1, 1, documents ? 2 : 1, 2};
    const Mask mask = parse_mask(text, tensors) & causal(Align::top_left);
    EXPECT_EQ(mask.bind(shape).shape(), shape) << text;
  }
}

TEST(WordTable, TheFirstParameterIsThePositionalOne) {
  const std::map<std::string_view, std::string_view> first = {
      {"causal", "align"},   {"sliding_window", "left"},
      {"dilated", "stride"}, {"chunked", "size"},
      {"padding", "ids"},    {"documents", "ids"},
      {"blocks", "tensor"},  {"prefix", "n"}};
  for (const WordRule& rule : word_rules()) {
    const auto wanted = first.find(rule.name);
    if (wanted == first.end()) continue;
    EXPECT_EQ(rule.parameters.at(0).name, wanted->second) << rule.name;
  }
}

TEST(Arguments, GiveBackWhatWasSet) {
  Arguments arguments;
  EXPECT_TRUE(arguments.empty());
  EXPECT_EQ(arguments.integer("left"), std::nullopt);
  arguments.set("left", int64_t{3});
  arguments.set("align", Align::bottom_right);
  EXPECT_TRUE(arguments.has("left"));
  EXPECT_EQ(arguments.integer("left"), 3);
  EXPECT_EQ(arguments.position().align, Align::bottom_right);
  EXPECT_EQ(arguments.position().offset, std::nullopt);
}

}  // namespace
}  // namespace maskwise::detail
