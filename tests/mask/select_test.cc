#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::Table;
using testing::table;
using testing::throws_error;

TEST(Select, OneMaskForEachHead) {
  const BoundMask mask = per_head({causal(), ~causal()}).bind({2, 2, 2, 2});
  for (const int64_t b : {0, 1}) {
    EXPECT_EQ(table(mask, b, 0), (Table{"x.", "xx"}));
    EXPECT_EQ(table(mask, b, 1), (Table{".x", ".."}));
  }
}

// Each is bound to the whole shape: lengths has one number for every item.
TEST(Select, OneMaskForEachItem) {
  const BoundMask mask = per_batch({all(), lengths({1, 2})}).bind({2, 2, 1, 3});
  EXPECT_EQ(table(mask, 0, 1), (Table{"xxx"}));
  EXPECT_EQ(table(mask, 1, 1), (Table{"xx."}));
}

TEST(Select, TheCountMustBeExact) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "per_head: expected exactly 3 masks, one for each head, got 2", [] {
        (void)per_head({all(), none()}).bind({1, 3, 2, 2});
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "per_batch: expected exactly 1 masks, one for each batch item, got 2",
      [] {
        (void)per_batch({all(), none()}).bind({1, 3, 2, 2});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "per_head: expected at least one mask, got none",
                           [] { (void)per_head({}); }));
}

TEST(Select, EqualMasksShareASlice) {
  const Mask masks =
      per_head({causal() & prefix(2), all(), causal() & prefix(2)});
  EXPECT_EQ(masks.bind({1, 3, 4, 4}).slice_ids(),
            (std::vector<int32_t>{0, 1, 0}));
  const Mask items = per_batch({prefix(1), per_head({prefix(1), all()})});
  EXPECT_EQ(items.bind({2, 2, 4, 4}).slice_ids()[0], 0);
}

TEST(Select, TheClauseIsThatOfTheHead) {
  const BoundMask mask = per_head({all(), none()}).bind({1, 2, 2, 2});
  const Clause clause = mask.clause({0, 1, 0, 0});
  EXPECT_EQ(clause.reason, "head 1 has a mask of its own");
  ASSERT_EQ(clause.children.size(), 1U);
  EXPECT_EQ(clause.children[0].text, "none");
  EXPECT_EQ(per_batch({all()}).bind({1, 1, 1, 1}).clause({}).reason,
            "sentence 0 has a mask of its own");
}

TEST(Select, WritesItsMasks) {
  EXPECT_EQ(to_string(per_head({all(), prefix(2) | none()})).text,
            "per_head(all, prefix(2) | none)");
  EXPECT_EQ(to_string(per_batch({per_head({all()})}) & none()).text,
            "per_batch(per_head(all)) & none");
  EXPECT_FALSE(per_head({all()}) == per_batch({all()}));
  EXPECT_FALSE(per_head({all()}) == per_head({all(), all()}));
}

}  // namespace
}  // namespace maskwise
