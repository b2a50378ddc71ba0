#include <gtest/gtest.h>

#include "mask/node.h"
#include "mask/token_ids.h"
#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::first_rows;
using testing::floats;
using testing::ids;
using testing::Table;
using testing::throws_error;

TEST(Padding, EveryTokenButPad) {
  const Tensor tokens = ids({2, 4}, {7, 6, 0, 0, 3, 0, 2, 1});
  const AttentionShape shape{2, 2, 3, 4};
  EXPECT_EQ(first_rows(padding(tokens).bind(shape)), (Table{"xx..", "x.xx"}));
  EXPECT_EQ(first_rows(padding(tokens, {.pad = 3}).bind(shape)),
            (Table{"xxxx", ".xxx"}));
}

TEST(Padding, MasksKeysAndNotThePaddedQuerysOwnRow) {
  const Mask mask = padding(ids({1, 3}, {5, 6, 0}));
  EXPECT_EQ(testing::square(mask, 3), (Table{"xx.", "xx.", "xx."}));
}

TEST(Padding, SentencesWithTheSamePaddingShareOnePlan) {
  const Tensor tokens = ids({3, 3}, {7, 6, 0, 3, 8, 0, 2, 0, 0});
  EXPECT_EQ(padding(tokens).bind({3, 1, 3, 3}).slice_ids(),
            (std::vector<int32_t>{0, 0, 1}));
}

TEST(Padding, NarrowIdsEqualWideOnes) {
  EXPECT_EQ(padding(Tensor::from<int32_t>({1, 2}, {-1, 3}), {.pad = -1}),
            padding(ids({1, 2}, {-1, 3}), {.pad = -1}));
  EXPECT_FALSE(padding(ids({1, 1}, {1})) ==
               padding(ids({1, 1}, {1}), {.pad = 1}));
}

TEST(Padding, WrongShapesAndTypesAreErrors) {
  EXPECT_TRUE(
      throws_error(ErrorCode::shape_mismatch,
                   "padding: expected ids [B, Lk] = [2, 3], got", [] {
                     (void)padding(ids({1, 3}, {1, 2, 3})).bind({2, 1, 3, 3});
                   }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "padding(x): expected integers of type i32 or i64",
                           [] {
                             (void)padding({"x", floats({1}, {1})});
                           }));
}

TEST(Padding, ReasonsNameTokenAndSentence) {
  const BoundMask mask =
      padding(ids({3, 6}, std::vector<int64_t>(18, 0))).bind({3, 1, 1, 6});
  EXPECT_EQ(mask.clause({2, 0, 0, 5}).reason, "token 5 of sentence 2 is <pad>");
  EXPECT_EQ(padding(ids({1, 1}, {9})).bind({1, 1, 1, 1}).clause({}).reason,
            "token 0 of sentence 0 is 9, not <pad>");
}

TEST(Padding, SentencesWithPadsAtTheSamePlacesMayShareASlice) {
  const Mask mask = padding(ids({3, 2}, {5, 0, 6, 0, 5, 0}));
  const std::vector<int32_t> slices = mask.bind({3, 1, 1, 2}).slice_ids();
  EXPECT_EQ(slices[0], slices[2]);
}

TEST(Padding, TellsItsIds) {
  const Mask mask = padding({"words", ids({1, 2}, {5, 0})}, {.pad = 5});
  const auto* word = dynamic_cast<const detail::TokenIds*>(&mask.node());
  ASSERT_NE(word, nullptr);
  EXPECT_EQ(word->pad_id(), 5);
  EXPECT_EQ(word->token_ids().shape(), (Shape{1, 2}));
  EXPECT_EQ(to_string(mask).text, "padding(words, pad=5)");
}

}  // namespace
}  // namespace maskwise
