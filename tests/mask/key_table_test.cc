#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"
#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::first_rows;
using testing::floats;
using testing::Table;
using testing::throws_error;

const AttentionShape kTwo{2, 2, 3, 4};

TEST(KeyTable, TrueAllowsOrForbidsAKeyForEveryQuery) {
  const Tensor keys = booleans({2, 4}, "1101 0000");
  EXPECT_EQ(first_rows(allow_keys(keys).bind(kTwo)), (Table{"xx.x", "...."}));
  EXPECT_EQ(first_rows(forbid_keys(keys).bind(kTwo)), (Table{"..x.", "xxxx"}));
}

TEST(KeyTable, BytesOfZeroAndOneAreBooleans) {
  const Tensor bytes = Tensor::from<uint8_t>({1, 3}, {1, 0, 1});
  EXPECT_EQ(first_rows(allow_keys(bytes).bind({1, 1, 1, 3})), (Table{"x.x"}));
  EXPECT_EQ(allow_keys(bytes), allow_keys(booleans({1, 3}, "101")));
  const Tensor two = Tensor::from<uint8_t>({1, 3}, {1, 0, 2});
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "allow_keys(keys): expected 0 or 1, found 2 at element 2", [&] {
        (void)allow_keys({"keys", two});
      }));
}

TEST(KeyTable, WrongShapesAndTypesAreErrors) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "forbid_keys: expected a tensor [B, Lk] = [2, 4], got [4]",
      [] { (void)forbid_keys(booleans({4}, "0000")).bind(kTwo); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "expected booleans (bool, or u8 of 0 and 1), got "
                           "f32; a float mask of 0 and -inf",
                           [] {
                             (void)allow_keys(floats({1, 2}, {0, 1}));
                           }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "got i64; integers of 0 and 1, as tokenizers return their "
                   "attention_mask, must be converted to bool or u8; token ids "
                   "are read by padding",
                   [] {
                     (void)allow_keys(Tensor::from<int64_t>({1, 2}, {0, 1}));
                   }));
}

TEST(KeyTable, ReasonsAndText) {
  const Mask mask = forbid_keys({"pads", booleans({1, 2}, "01")});
  EXPECT_EQ(mask.bind({1, 1, 1, 2}).clause({0, 0, 0, 1}).reason,
            "the tensor holds true for key 1 of sentence 0");
  EXPECT_EQ(to_string(mask).text, "forbid_keys(pads)");
  EXPECT_FALSE(mask == allow_keys(booleans({1, 2}, "01")));
}

}  // namespace
}  // namespace maskwise
