#include "mask/mask_parser.h"

#include <gtest/gtest.h>

#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::floats;
using testing::ids;
using testing::throws_error;

const TensorMap kTensors = {{"m", booleans({2, 2}, "10 11")},
                            {"token_ids", ids({1, 2}, {4, 0})},
                            {"n", ids({2}, {1, 2})},
                            {"layer.0_mask", booleans({2}, "01")},
                            {"x", floats({2}, {0, 1})}};

Mask parsed(const std::string& text) { return parse_mask(text, kTensors); }

// The error of the text has `fragment` in it.
::testing::AssertionResult refused(
    const std::string& text, const std::string& fragment,
    ErrorCode code = ErrorCode::invalid_argument) {
  return throws_error(code, fragment, [&] { (void)parsed(text); });
}

TEST(Parser, ReadsEveryWord) {
  EXPECT_EQ(parsed("all | none()"), all() | none());
  EXPECT_EQ(parsed("causal(align=top_left)"), causal(Align::top_left));
  EXPECT_EQ(parsed("causal(offset=-3)"), causal({.offset = -3}));
  EXPECT_EQ(parsed("causal(offset=n)"), causal({.offset = PerBatch({1, 2})}));
  EXPECT_EQ(
      parsed("sliding_window(left=2, right=0, align=bottom_right)"),
      sliding_window({.left = 2, .right = 0, .align = Align::bottom_right}));
  EXPECT_EQ(parsed("dilated(stride=2, offset=[1,-1])"),
            dilated(2, {.offset = PerBatch({1, -1})}));
  EXPECT_EQ(parsed("chunked(size=4)"), chunked(4));
  EXPECT_EQ(parsed("prefix(4) & prefix([1,2])"), prefix(4) & prefix({1, 2}));
  EXPECT_EQ(parsed("lengths([3,5]) | q_lengths(n)"),
            lengths({3, 5}) | q_lengths({1, 2}));
  EXPECT_EQ(parsed("padding(token_ids, pad=-1)"),
            padding(ids({1, 2}, {4, 0}), {.pad = -1}));
  EXPECT_EQ(parsed("documents(q=token_ids, k=token_ids)"),
            documents(ids({1, 2}, {4, 0}), ids({1, 2}, {4, 0})));
  EXPECT_EQ(parsed("allow(m) & forbid(layer.0_mask)"),
            allow(booleans({2, 2}, "10 11")) & forbid(booleans({2}, "01")));
  EXPECT_EQ(parsed("blocks(m, size=2)"),
            blocks(booleans({2, 2}, "10 11"), {.size = 2}));
  EXPECT_EQ(parsed("per_head(causal, all & none)"),
            per_head({causal(), all() & none()}));
  EXPECT_EQ(parsed("per_batch(causal)"), per_batch({causal()}));
}

TEST(Parser, NotBindsOverAndOverOr) {
  EXPECT_EQ(parsed("~causal & all | none"), (~causal() & all()) | none());
  EXPECT_EQ(parsed("none | all & ~causal"), none() | (all() & ~causal()));
  EXPECT_EQ(parsed("~(causal | all) & none"), ~(causal() | all()) & none());
  EXPECT_EQ(parsed(" ~ ~causal\t&\n( all ) "), ~~causal() & all());
  EXPECT_EQ(parsed("((causal))"), causal());
}

TEST(Parser, TheFirstArgumentMayBePositional) {
  EXPECT_EQ(parsed("causal(bottom_right)"), causal(Align::bottom_right));
  EXPECT_EQ(parsed("sliding_window(3, right=1)"),
            sliding_window({.left = 3, .right = 1}));
  EXPECT_EQ(parsed("dilated(2)"), parsed("dilated(stride=2)"));
  EXPECT_EQ(parsed("documents(token_ids)"), parsed("documents(ids=token_ids)"));
  EXPECT_TRUE(refused("sliding_window(3, 1)",
                      "column 19: found '1'; only the first argument of "
                      "sliding_window may go without its name"));
  EXPECT_TRUE(refused("padding(pad=0, token_ids)",
                      "column 16: found 'token_ids'; only the first"));
  EXPECT_TRUE(refused("causal(3)",
                      "column 8: found '3'; expected top_left or bottom_right "
                      "for align of causal; did you mean offset=3?"));
}

TEST(Parser, SuggestsTheNearestWord) {
  EXPECT_TRUE(refused("all & causl",
                      "column 7: unknown mask word 'causl'; did "
                      "you mean 'causal'?"));
  EXPECT_TRUE(refused("xyzzyxyzzy", "the words are: all, none, causal"));
  EXPECT_TRUE(refused("causal(aling=top_left)",
                      "column 8: causal has no argument 'aling'; did you mean "
                      "'align'?; it takes: align, offset"));
  EXPECT_TRUE(refused("causal(align=topleft)",
                      "column 14: unknown align 'topleft'; did you mean "
                      "'top_left'?"));
  EXPECT_TRUE(refused("padding(token_id)",
                      "column 9: no tensor 'token_id' is given; did you mean "
                      "'token_ids'?"));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "there is none",
                           [] { (void)parse_mask("allow(m)"); }));
}

TEST(Parser, SuggestsTheWordThatOthersHaveAnotherNameFor) {
  EXPECT_TRUE(refused("window(left=2)", "did you mean 'sliding_window'?"));
  EXPECT_TRUE(refused("CAUSAL", "did you mean 'causal'?"));
  EXPECT_TRUE(refused("causal(align=left)", "did you mean 'top_left'?"));
  EXPECT_TRUE(refused("padding(token_ids, pda=0)", "did you mean 'pad'?"));
  EXPECT_TRUE(refused("allow(all)",
                      "no tensor 'all' is given; all is a mask word; the "
                      "tensors are:"));
}

TEST(Parser, ATensorAloneIsNoMask) {
  EXPECT_TRUE(
      refused("causal & m",
              "column 10: 'm' is a tensor, no mask word; write allow(m) "
              "(true = may attend) or forbid(m) (true = masked)"));
  EXPECT_TRUE(refused("token_ids", "write padding(token_ids) (token ids)"));
  EXPECT_TRUE(refused("x", "write from_additive(x) (0 = may attend"));
}

TEST(Parser, OperatorsOfOtherLanguagesAreAnsweredWithOurs) {
  EXPECT_TRUE(refused("!causal", "column 1: found '!'"));
  EXPECT_TRUE(refused("not causal", "found 'not'; write ~ for not"));
  EXPECT_TRUE(
      refused("causal && all", "column 8: found '&&'; write & for and"));
  EXPECT_TRUE(refused("causal || all", "column 8: found '||'; write | for or"));
  EXPECT_TRUE(refused("causal and all",
                      "column 8: found 'and'; expected &, | or the end of the "
                      "text; write & for and"));
  EXPECT_TRUE(refused("(causal or all)", "; write | for or"));
}

TEST(Parser, ArgumentsThatAreMissingTwiceOrTooMany) {
  EXPECT_TRUE(refused("padding", "column 1: padding needs ids, the name"));
  EXPECT_TRUE(refused("all & dilated()", "column 7: dilated needs stride"));
  EXPECT_TRUE(refused("lengths", "lengths needs n, a number, a list"));
  EXPECT_TRUE(refused("padding(token_ids, ids=token_ids)",
                      "column 20: ids is given twice"));
  EXPECT_TRUE(refused("causal(offset=1, offset=1)", "offset is given twice"));
  EXPECT_TRUE(refused("all(3)", "column 5: found '3'; all takes no argument"));
  EXPECT_TRUE(refused("documents", "expected documents(ids) or documents(q="));
  EXPECT_TRUE(refused("documents(q=token_ids)", "expected documents(ids) or"));
  EXPECT_TRUE(refused("documents(token_ids, q=token_ids)",
                      "expected documents(ids) or"));
  EXPECT_TRUE(refused("per_head", "column 1: per_head: expected at least one"));
  EXPECT_TRUE(refused("per_batch()", "expected at least one mask"));
}

TEST(Parser, ArgumentsOfTheWrongKind) {
  EXPECT_TRUE(refused("dilated(m)",
                      "column 9: found 'm'; expected a whole "
                      "number for stride of dilated"));
  EXPECT_TRUE(refused("sliding_window(left=[1])", "column 21: found '['"));
  EXPECT_TRUE(refused("allow(3)",
                      "column 7: found '3'; expected the name of a "
                      "tensor"));
  EXPECT_TRUE(
      refused("allow([1])", "found '['; expected the name of a tensor"));
  EXPECT_TRUE(refused("prefix(causal())", "no tensor 'causal' is given"));
  EXPECT_TRUE(refused("causal(align=7)", "found '7'; expected top_left or"));
}

TEST(Parser, WhatAWordRefusesIsToldWithItsColumn) {
  EXPECT_TRUE(refused("all & sliding_window(left=-1)",
                      "[mask] column 7: sliding_window: left is -1"));
  EXPECT_TRUE(refused("causal(align=top_left, offset=1)",
                      "column 1: causal says both align and offset"));
  EXPECT_TRUE(refused("all & lengths(3)",
                      "column 7: lengths: expected one length for each"));
  EXPECT_TRUE(refused("prefix(x)",
                      "column 8: expected one number for each "
                      "batch item, as a tensor [B]"));
  EXPECT_TRUE(refused("allow(x)", "column 1: allow(x): expected booleans"));
  EXPECT_TRUE(refused("dilated(0)", "column 1: dilated: stride is 0"));
}

TEST(Parser, ListsHoldWholeNumbers) {
  EXPECT_EQ(parsed("prefix([ 3 , 5 ])"), prefix({3, 5}));
  EXPECT_EQ(parsed("lengths([])"), lengths(PerBatch(std::vector<int64_t>())));
  EXPECT_TRUE(refused("lengths([3,])",
                      "column 12: found ']'; expected a whole "
                      "number in the list"));
  EXPECT_TRUE(refused("lengths([3 5])", "column 12: found '5'; expected ','"));
  EXPECT_TRUE(refused("lengths([3,m])", "column 12: found 'm'"));
  EXPECT_TRUE(refused("lengths([37,36",
                      "column 15: found the end of the text; expected ',' or "
                      "']' after a number of the list"));
}

TEST(Parser, NumbersBeyond64Bits) {
  EXPECT_EQ(parsed("causal(offset=-9223372036854775808)"),
            causal({.offset = INT64_MIN}));
  EXPECT_TRUE(refused("causal(offset=9223372036854775808)",
                      "column 15: the number 9223372036854775808 is beyond 64 "
                      "bits"));
  EXPECT_TRUE(refused("lengths([1,99999999999999999999])",
                      "column 12: the number 99999999999999999999"));
}

TEST(Parser, UnbalancedAndMisplaced) {
  EXPECT_TRUE(refused("",
                      "column 1: found the end of the text; expected a "
                      "mask word, ~ or ("));
  EXPECT_TRUE(refused("(causal",
                      "column 8: found the end of the text; "
                      "expected ')'"));
  EXPECT_TRUE(refused("causal)",
                      "column 7: found ')'; expected &, | or the "
                      "end of the text"));
  EXPECT_TRUE(refused("causal &", "column 9: found the end of the text"));
  EXPECT_TRUE(refused("causal all", "column 8: found 'all'; expected &, |"));
  EXPECT_TRUE(refused("& causal", "column 1: found '&'"));
  EXPECT_TRUE(refused("causal(offset=1",
                      "column 16: found the end of the text; expected ',' or "
                      "')' after an argument"));
  EXPECT_TRUE(refused("causal(",
                      "column 8: found the end of the text; expected ')' or an "
                      "argument of causal: align, offset"));
  EXPECT_TRUE(refused("all(", "expected ')' or an argument of all, which"));
  EXPECT_TRUE(refused("causal(offset=5,)",
                      "column 17: found ')'; expected an argument of causal: "
                      "align, offset; there is a comma too many"));
  EXPECT_TRUE(refused("causal(,offset=5)", "column 8: found ','; expected"));
  EXPECT_TRUE(refused("per_head(all,)",
                      "column 14: found ')'; expected a mask "
                      "word"));
  EXPECT_TRUE(refused("all ~none", "column 5: found '~'"));
  EXPECT_TRUE(refused("3", "column 1: found '3'; expected a mask word"));
}

std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

// Parentheses and ~ count, chains of one operator and | over & do not.
TEST(Parser, Takes64LevelsOfParenthesesAndNot) {
  const std::vector<std::pair<std::string, std::string>> nestings = {
      {"(", ")"},
      {"~", ""},
      {"~(all & ", ")"},
      {"all & (", ")"},
      {"all | all & (", " | none)"},
      {"per_head(", ")"}};
  for (const auto& [open, close] : nestings) {
    const int levels = open == "~(all & " ? 32 : 64;
    const std::string deep =
        repeated(open, levels) + "causal" + repeated(close, levels);
    const MaskText text = to_string(parsed(deep));
    EXPECT_EQ(parse_mask(text.text), parsed(deep)) << open;
    std::string deeper = open;
    deeper.append(deep).append(close);
    EXPECT_TRUE(refused(deeper, "more than 64 levels of parentheses and ~"))
        << open;
  }
  const Mask flat = parsed("all" + repeated(" & all", 3000));
  EXPECT_EQ(to_string(flat).text, "all" + repeated(" & all", 3000));
}

TEST(Parser, ExpressionsOf5000LevelsAreAnError) {
  for (const char* open : {"(", "~", "per_head(", "~(", "all & ("}) {
    EXPECT_TRUE(refused(repeated(open, 5000) + "causal",
                        "more than 64 levels of parentheses and ~"));
  }
}

TEST(Parser, MasksNestNoDeeperThanTheirText) {
  Mask deep = causal();
  for (int level = 0; level < 64; ++level) deep = ~deep;
  EXPECT_EQ(parse_mask(to_string(deep).text), deep);
  EXPECT_TRUE(
      throws_error(ErrorCode::limit, "65 levels deep", [&] { (void)~deep; }));
  EXPECT_TRUE(throws_error(ErrorCode::limit, "65 levels deep",
                           [&] { (void)per_head({deep}); }));
  const Mask either = deep | all();
  EXPECT_EQ(parse_mask(to_string(either).text), either);
  EXPECT_TRUE(throws_error(ErrorCode::limit, "65 levels deep",
                           [&] { (void)(either & all()); }));
}

}  // namespace
}  // namespace maskwise
