#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::floats;
using testing::ids;
using testing::Table;
using testing::table;
using testing::throws_error;

TEST(Documents, EqualIdsMayAttend) {
  const Mask mask = documents(ids({1, 5}, {7, 7, 3, 3, 3}));
  EXPECT_EQ(table(mask.bind({1, 1, 5, 5})),
            (Table{"xx...", "xx...", "..xxx", "..xxx", "..xxx"}));
}

TEST(Documents, NeedNotStandTogether) {
  const Mask mask = documents(ids({1, 4}, {0, 1, 0, 1}));
  EXPECT_EQ(table(mask.bind({1, 1, 4, 4})),
            (Table{"x.x.", ".x.x", "x.x.", ".x.x"}));
}

TEST(Documents, ANegativeIdBelongsToNoDocument) {
  const Mask mask = documents(ids({1, 4}, {-1, 2, -1, -5}));
  EXPECT_EQ(table(mask.bind({1, 1, 4, 4})),
            (Table{"....", ".x..", "....", "...."}));
}

TEST(Documents, TwoTensorsOfARectangle) {
  const Mask mask = documents(Tensor::from<int32_t>({2, 2}, {0, 1, 1, 2}),
                              ids({2, 3}, {0, 0, 1, 2, 2, 0}));
  const BoundMask bound = mask.bind({2, 1, 2, 3});
  EXPECT_EQ(table(bound, 0), (Table{"xx.", "..x"}));
  EXPECT_EQ(table(bound, 1), (Table{"...", "xx."}));
}

TEST(Documents, OneTensorOnARectangleAsksForBoth) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch, "give both, as documents(q=..., k=...)", [] {
        (void)documents(ids({1, 3}, {0, 0, 1})).bind({1, 1, 2, 3});
      }));
}

TEST(Documents, WrongShapesAndTypesAreErrors) {
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "ids of queries [B, Lq] = [2, 3], got [1, 3]", [] {
                     (void)documents(ids({1, 3}, {0, 0, 1})).bind({2, 1, 3, 3});
                   }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "ids of keys [B, Lk] = [1, 3], got [1, 2]", [] {
                             (void)documents(ids({1, 1}, {0}),
                                             ids({1, 2}, {0, 0}))
                                 .bind({1, 1, 1, 3});
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "integers of type i32 or i64, got f32", [] {
                             (void)documents(floats({1, 2}, {0, 1}));
                           }));
}

TEST(Documents, ItemsWithEqualIdsShareASlice) {
  const Mask mask = documents(ids({3, 2}, {0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(mask.bind({3, 1, 2, 2}).slice_ids(),
            (std::vector<int32_t>{0, 1, 0}));
}

// The numbers of the documents do not matter, which tokens share one does.
TEST(Documents, ItemsWithEqualPatternsShareASlice) {
  const Mask square = documents(
      ids({4, 4}, {0, 0, 1, 1, 7, 7, 3, 3, 5, 5, -1, -1, 9, 9, 9, 9}));
  EXPECT_EQ(square.bind({4, 2, 4, 4}).slice_ids(),
            (std::vector<int32_t>{0, 0, 0, 0, 1, 1, 2, 2}));
  const Mask rectangle = documents(ids({3, 2}, {0, 1, 8, 4, 0, 1}),
                                   ids({3, 3}, {0, 1, 1, 8, 4, 4, 1, 0, 0}));
  EXPECT_EQ(rectangle.bind({3, 1, 2, 3}).slice_ids(),
            (std::vector<int32_t>{0, 0, 1}));
}

TEST(Documents, BlocksOfOneDocumentAreFull) {
  const BoundMask mask =
      documents(ids({1, 6}, {4, 4, 4, 4, 9, 9})).bind({1, 1, 6, 6});
  EXPECT_EQ(mask.block_keys(0, 0, 1, 4).every, (KeyIntervals{{0, 4}}));
  EXPECT_EQ(mask.block_keys(0, 0, 1, 4).some, (KeyIntervals{{0, 4}}));
  EXPECT_EQ(mask.block_keys(0, 0, 3, 5).every, KeyIntervals{});
  EXPECT_EQ(mask.block_keys(0, 0, 3, 5).some, (KeyIntervals{{0, 6}}));
}

TEST(Documents, ReasonsAndText) {
  const Mask mask = documents({"q_ids", ids({1, 2}, {3, -1})},
                              {"k_ids", ids({1, 2}, {3, 0})});
  EXPECT_EQ(mask.bind({1, 1, 2, 2}).clause({0, 0, 1, 1}).reason,
            "query 1 is in no document and key 1 is in document 0");
  EXPECT_EQ(to_string(mask).text, "documents(q=q_ids, k=k_ids)");
  const Mask one = documents({"ids", ids({1, 2}, {3, -1})});
  EXPECT_EQ(to_string(one).text, "documents(ids)");
  EXPECT_FALSE(mask == one);
}

}  // namespace
}  // namespace maskwise
