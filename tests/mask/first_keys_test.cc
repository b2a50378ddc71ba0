#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::first_rows;
using testing::Table;
using testing::table;
using testing::throws_error;

const AttentionShape kTwo{2, 1, 1, 4};

TEST(Prefix, TheFirstKeysAreVisibleToAll) {
  EXPECT_EQ(table(prefix(2).bind({1, 1, 2, 4})), (Table{"xx..", "xx.."}));
  EXPECT_EQ(table(prefix(0).bind({1, 1, 1, 4})), (Table{"...."}));
  EXPECT_EQ(table(prefix(INT64_MAX).bind({1, 1, 1, 4})), (Table{"xxxx"}));
}

TEST(Prefix, OneNumberForEachItem) {
  EXPECT_EQ(first_rows(prefix({1, 3}).bind(kTwo)), (Table{"x...", "xxx."}));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "prefix: expected one count for each of the 2 batch "
                           "items, got 3",
                           [] {
                             (void)prefix({1, 2, 3}).bind(kTwo);
                           }));
}

TEST(Prefix, ANegativeCountIsAnError) {
  for (const PerBatch& count : {PerBatch(-1), PerBatch({3, -1})}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "prefix: -1 keys; expected a count >= 0",
                             [&] { (void)prefix(count); }));
  }
}

TEST(Lengths, KeysBelowTheLengthOfTheItem) {
  EXPECT_EQ(first_rows(lengths({3, 0}).bind(kTwo)), (Table{"xxx.", "...."}));
  EXPECT_EQ(first_rows(lengths(Tensor::from<int32_t>({2}, {4, 1})).bind(kTwo)),
            (Table{"xxxx", "x..."}));
}

TEST(Lengths, OneValueWhereBAreWantedIsAnError) {
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "lengths: expected one length for each batch item",
                           [] { (void)lengths(3); }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected one length for each of the 2 batch items, "
                           "got 1",
                           [] { (void)lengths({3}).bind(kTwo); }));
}

TEST(Lengths, NegativeOrTooLongIsAnErrorThatNamesTheItem) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "lengths: the length of batch item 1 is 5; expected 0 to 4", [] {
        (void)lengths({4, 5}).bind(kTwo);
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "lengths: the length of batch item 0 is -1; expected 0 to 4", [] {
        (void)lengths({-1, 2}).bind(kTwo);
      }));
}

TEST(Lengths, AreAListAlsoForOneItem) {
  EXPECT_EQ(table(lengths({3}).bind({1, 1, 1, 4})), (Table{"xxx."}));
  EXPECT_EQ(to_string(lengths({3})).text, "lengths([3])");
  EXPECT_EQ(to_string(prefix(3)).text, "prefix(3)");
  EXPECT_EQ(to_string(prefix({3})).text, "prefix([3])");
  EXPECT_FALSE(prefix({3}) == lengths({3}));
}

TEST(FirstKeys, ReasonsNameTheSentence) {
  EXPECT_EQ(lengths({3, 1}).bind(kTwo).clause({1, 0, 0, 1}).reason,
            "key 1 lies beyond the 1 token of sentence 1");
  EXPECT_EQ(prefix(2).bind(kTwo).clause({1, 0, 0, 1}).reason,
            "key 1 lies within the prefix of 2 keys");
}

}  // namespace
}  // namespace maskwise
