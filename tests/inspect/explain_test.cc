#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

const AttentionShape kShape = {3, 4, 8, 8};

Mask parsed(const std::string& text) {
  std::vector<int64_t> ids(24, 7);
  std::fill(ids.begin() + 16 + 5, ids.end(), 0);  // sentence 2: five tokens
  return parse_mask(text, {{"token_ids", Tensor::from({3, 8}, ids)}});
}

std::string reason(const std::string& text, const PairIndex& pair) {
  return explain(parsed(text).bind(kShape), pair).reason;
}

TEST(Explain, TheReasonNamesTheClauseThatMasks) {
  EXPECT_EQ(reason("causal & padding(token_ids)", {.batch = 2, .q = 6, .k = 5}),
            "masked: padding(token_ids, pad=0): token 5 of sentence 2 is "
            "<pad>");
  EXPECT_EQ(reason("causal & padding(token_ids)", {.q = 3, .k = 5}),
            "masked: causal: key 5 is 2 after query 3");
  EXPECT_EQ(reason("causal", {.q = 3, .k = 5}),
            "masked: causal: key 5 is 2 after query 3");
}

TEST(Explain, TheReasonNamesAllClausesThatMask) {
  EXPECT_EQ(reason("causal & padding(token_ids)", {.batch = 2, .q = 3, .k = 5}),
            "masked: causal: key 5 is 2 after query 3; padding(token_ids, "
            "pad=0): token 5 of sentence 2 is <pad>");
  EXPECT_EQ(reason("prefix(1) | lengths([2,2,2])", {.k = 3}),
            "masked: prefix(1): key 3 lies beyond the prefix of 1 key; "
            "lengths([2,2,2]): key 3 lies beyond the 2 tokens of sentence 0");
}

TEST(Explain, AllowedPairsAreAllowedByEveryClauseOrByOne) {
  EXPECT_EQ(reason("causal & padding(token_ids)", {.q = 3, .k = 2}),
            "allowed: every clause allows the pair");
  EXPECT_EQ(reason("causal | prefix(4)", {.q = 0, .k = 3}),
            "allowed: prefix(4): key 3 lies within the prefix of 4 keys");
  EXPECT_EQ(reason("none | causal & all", {.q = 1, .k = 1}),
            "allowed: causal & all: every clause allows the pair");
  EXPECT_EQ(reason("causal", {.q = 3, .k = 2}),
            "allowed: causal: key 2 is 1 before query 3");
}

TEST(Explain, NegationsAndChoicesHandTheQuestionDown) {
  EXPECT_EQ(reason("causal & ~prefix(2)", {.q = 3, .k = 1}),
            "masked: ~prefix(2): key 1 lies within the prefix of 2 keys");
  EXPECT_EQ(reason("~(causal & prefix(2))", {.q = 3, .k = 4}),
            "allowed: causal: key 4 is 1 after query 3; prefix(2): key 4 lies "
            "beyond the prefix of 2 keys");
  EXPECT_EQ(reason("all & per_head(all, none, all, all)", {.head = 1}),
            "masked: none: no pair is allowed");
}

TEST(Explain, LongReasonsAreCut) {
  EXPECT_EQ(reason("none & none & none & none & none & none", {}),
            "masked: none: no pair is allowed; none: no pair is allowed; none: "
            "no pair is allowed; none: no pair is allowed; and 2 more");
}

TEST(Explain, TheTreeHasAnAnswerAtEveryClause) {
  const Explanation explanation = explain(
      parsed("causal & ~(prefix(1) | none) & padding(token_ids)").bind(kShape),
      {.batch = 2, .q = 6, .k = 5});
  EXPECT_EQ("\n" + to_string(explanation), R"(
query 6 -> key 5 (batch 2, head 0): masked
masked: padding(token_ids, pad=0): token 5 of sentence 2 is <pad>

false  causal & ~(prefix(1) | none) & padding(token_ids, pad=0)  a clause masks the pair
true   ├─ causal                                                 key 5 is 1 before query 6
true   ├─ ~(prefix(1) | none)                                    the clause inside masks the pair
false  │  └─ prefix(1) | none                                    no clause allows the pair
false  │     ├─ prefix(1)                                        key 5 lies beyond the prefix of 1 key
false  │     └─ none                                             no pair is allowed
false  └─ padding(token_ids, pad=0)                              token 5 of sentence 2 is <pad>)");
  EXPECT_EQ("\n" + to_string(explanation, Charset::ascii), R"(
query 6 -> key 5 (batch 2, head 0): masked
masked: padding(token_ids, pad=0): token 5 of sentence 2 is <pad>

false  causal & ~(prefix(1) | none) & padding(token_ids, pad=0)  a clause masks the pair
true   |- causal                                                 key 5 is 1 before query 6
true   |- ~(prefix(1) | none)                                    the clause inside masks the pair
false  |  `- prefix(1) | none                                    no clause allows the pair
false  |     |- prefix(1)                                        key 5 lies beyond the prefix of 1 key
false  |     `- none                                             no pair is allowed
false  `- padding(token_ids, pad=0)                              token 5 of sentence 2 is <pad>)");
}

TEST(Explain, ItStreamsLikeAValue) {
  std::ostringstream out;
  out << explain(causal().bind(kShape), {.batch = 0, .q = 3, .k = 5});
  EXPECT_EQ("\n" + out.str(), R"(
query 3 -> key 5 (batch 0, head 0): masked
masked: causal: key 5 is 2 after query 3

false  causal  key 5 is 2 after query 3)");
}

TEST(Explain, TokensStandBesideTheirNumbers) {
  const std::vector<std::vector<std::string>> tokens = {{"sat\n", "<pad>"}};
  const Explanation explanation =
      explain(causal().bind({1, 1, 2, 2}), {.q = 0, .k = 1}, {tokens, tokens});
  EXPECT_EQ(explanation.q_token, "sat\n");
  EXPECT_EQ(explanation.k_token, "<pad>");
  const std::string text = to_string(explanation);
  EXPECT_EQ(text.substr(0, text.find('\n')),
            R"(query 0 "sat\n" -> key 1 "<pad>" (batch 0, head 0): masked)");
}

TEST(Explain, LongClausesAreShortened) {
  std::istringstream lines(to_string(
      explain(lengths(std::vector<int64_t>(64, 8)).bind({64, 1, 8, 8}), {})));
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LT(line.size(), 130U) << line;
  }
}

TEST(Explain, PairsOutsideTheShapeAreRefused) {
  const BoundMask mask = causal().bind({1, 1, 4, 4});
  EXPECT_TRUE(testing::throws_error(ErrorCode::invalid_argument,
                                    "k 4 lies outside the shape",
                                    [&] { explain(mask, {.k = 4}); }));
  EXPECT_TRUE(testing::throws_error(ErrorCode::invalid_argument,
                                    "batch -1 lies outside the shape",
                                    [&] { explain(mask, {.batch = -1}); }));
}

}  // namespace
}  // namespace maskwise
