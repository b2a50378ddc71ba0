#include "mask/combine.h"

#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::square;
using testing::Table;
using testing::table;
using testing::throws_error;

// Two queries over five keys: a rectangle, where unsaid positions matter.
const AttentionShape kWide{1, 1, 2, 5};

Table wide(const std::string& text) {
  return table(parse_mask(text).bind(kWide));
}

TEST(Operators, AndOrNot) {
  EXPECT_EQ(square(causal() & prefix(1), 3), (Table{"x..", "x..", "x.."}));
  EXPECT_EQ(square(causal() | prefix(2), 3), (Table{"xx.", "xx.", "xxx"}));
  EXPECT_EQ(square(~causal(), 3), (Table{".xx", "..x", "..."}));
  EXPECT_EQ(square(causal() & ~prefix(1), 3), (Table{"...", ".x.", ".xx"}));
  EXPECT_EQ(square(~(causal() | prefix(2)), 3), (Table{"..x", "..x", "..."}));
}

TEST(Operators, AChainOfOneOperatorIsOneNode) {
  EXPECT_EQ((causal() & prefix(1)) & all(), causal() & (prefix(1) & all()));
  EXPECT_EQ((causal() | prefix(1)) | all(), causal() | (prefix(1) | all()));
  EXPECT_FALSE((causal() & prefix(1)) == (prefix(1) & causal()));
  EXPECT_FALSE((causal() & prefix(1)) == (causal() | prefix(1)));
  EXPECT_FALSE(~causal() == ~~~causal());
}

TEST(Operators, WriteParenthesesOnlyWhereTheyAreNeeded) {
  EXPECT_EQ(to_string((causal() & all()) | (none() & all())).text,
            "causal & all | none & all");
  EXPECT_EQ(to_string((causal() | all()) & none()).text,
            "(causal | all) & none");
  EXPECT_EQ(to_string(~(causal() & all())).text, "~(causal & all)");
  EXPECT_EQ(to_string(~(causal() | all())).text, "~(causal | all)");
  EXPECT_EQ(to_string(~~causal()).text, "~~causal");
  EXPECT_EQ(to_string(~causal() & all()).text, "~causal & all");
}

// Positions said on one word of an `&` hold for its words that say none.
TEST(InheritedPosition, HoldsForTheWordsOfTheChain) {
  EXPECT_EQ(wide("causal(align=bottom_right) & sliding_window(left=1)"),
            (Table{"..xx.", "...xx"}));
  EXPECT_EQ(wide("sliding_window(left=1) & causal(offset=1)"),
            (Table{"xx...", ".xx.."}));
  EXPECT_EQ(wide("causal(offset=2) & dilated(2)"), (Table{"x.x..", ".x.x."}));
  EXPECT_EQ(wide("all & chunked(2) & causal(offset=2)"),
            (Table{"..x..", "..xx."}));
}

TEST(InheritedPosition, ReachesIntoParenthesesAndNot) {
  EXPECT_EQ(wide("causal(offset=3) & (sliding_window(left=0) | prefix(1))"),
            (Table{"x..x.", "x...x"}));
  EXPECT_EQ(wide("causal(offset=3) & ~sliding_window(left=1)"),
            (Table{"xx...", "xxx.."}));
  EXPECT_EQ(wide("causal(offset=3) & per_head(sliding_window(left=0))"),
            (Table{"...x.", "....x"}));
}

TEST(InheritedPosition, OfPerBatchOffsets) {
  const Mask mask = parse_mask("causal(offset=[0,2]) & sliding_window(left=0)");
  const BoundMask bound = mask.bind({2, 1, 2, 4});
  EXPECT_EQ(table(bound, 0), (Table{"x...", ".x.."}));
  EXPECT_EQ(table(bound, 1), (Table{"..x.", "...x"}));
}

TEST(InheritedPosition, WhatAWordSaysItselfHolds) {
  EXPECT_EQ(wide("causal(offset=3) & sliding_window(left=1, offset=2)"),
            (Table{".xxx.", "..xxx"}));
  EXPECT_EQ(wide("causal(offset=3) & "
                 "(sliding_window(left=0) & dilated(1, offset=3) | none)"),
            (Table{"...x.", "....x"}));
}

// The nearest `&` decides: inside it says 1, outside 3.
TEST(InheritedPosition, AnInnerChainHasItsOwn) {
  EXPECT_EQ(wide("causal(offset=3) & (none | sliding_window(left=0) & "
                 "sliding_window(right=0, offset=1))"),
            (Table{".x...", "..x.."}));
}

TEST(InheritedPosition, DoesNotCrossAnOr) {
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch, "sliding_window on a rectangle",
                   [] { wide("causal(offset=1) | sliding_window(left=1)"); }));
  EXPECT_EQ(wide("causal(offset=1) | dilated(4)"), (Table{"xx..x", "xxx.."}));
}

TEST(InheritedPosition, DifferentOnesLeaveASilentWordInDoubt) {
  const std::string conflict =
      "causal(offset=1) & sliding_window(left=1, offset=2)";
  EXPECT_EQ(wide(conflict), (Table{".x...", "..x.."}));
  for (const char* silent :
       {" & dilated(2)", " & (none | chunked(2))", " & ~causal"}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "says no align or offset and the words beside it "
                             "say different ones",
                             [&] { wide(conflict + silent); }))
        << silent;
  }
  // Equal ones are no conflict, and an inner chain settles its own.
  EXPECT_EQ(wide("causal(offset=1) & chunked(5, offset=1) & dilated(1)"),
            (Table{"xx...", "xxx.."}));
  EXPECT_EQ(wide(conflict + " & (dilated(2) & dilated(1, offset=1) | none)"),
            (Table{".x...", "..x.."}));
}

TEST(Combine, OneAloneIsReturnedAsItIs) {
  const detail::NodePtr node = causal().shared_node();
  EXPECT_EQ(detail::combine(detail::Operator::both, {node}), node);
}

TEST(Combine, ClausesSayWhichPartDecides) {
  const BoundMask mask = (causal() & ~prefix(1)).bind({1, 1, 3, 3});
  const Clause masked = mask.clause({0, 0, 1, 2});
  EXPECT_FALSE(masked.allowed);
  EXPECT_EQ(masked.text, "causal & ~prefix(1)");
  EXPECT_EQ(masked.reason, "a clause masks the pair");
  ASSERT_EQ(masked.children.size(), 2U);
  EXPECT_FALSE(masked.children[0].allowed);
  EXPECT_TRUE(masked.children[1].allowed);
  EXPECT_EQ(masked.children[1].reason, "the clause inside masks the pair");
  EXPECT_EQ(mask.clause({0, 0, 2, 1}).reason, "every clause allows the pair");
  const BoundMask either = (causal() | prefix(1)).bind({1, 1, 3, 3});
  EXPECT_EQ(either.clause({0, 0, 0, 2}).reason, "no clause allows the pair");
  EXPECT_EQ(either.clause({0, 0, 2, 2}).reason, "a clause allows the pair");
}

}  // namespace
}  // namespace maskwise
