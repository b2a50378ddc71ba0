#include "mask/tensor_checks.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

using testing::booleans;
using testing::ids;
using testing::throws_error;

TEST(TensorChecks, IdsBecomeDense64BitIntegers) {
  const std::array<int32_t, 4> memory = {1, 2, 3, 4};
  const TensorView columns(memory.data(), DType::i32, {2, 2}, {1, 2});
  const Tensor copy = copy_ids("padding", columns);
  EXPECT_TRUE(same_contents(copy, ids({2, 2}, {1, 3, 2, 4})));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "padding(b): expected integers of type i32 or i64, got bool", [] {
        (void)copy_ids("padding", {"b", booleans({1}, "1")});
      }));
}

TEST(TensorChecks, BooleansBecomeDense) {
  const std::array<uint8_t, 4> memory = {1, 0, 0, 1};
  const TensorView rows(memory.data(), DType::u8, {3, 2}, {0, 1});
  EXPECT_TRUE(same_contents(copy_booleans("allow", rows),
                            booleans({3, 2}, "10 10 10")));
}

TEST(TensorChecks, BytesThatAreNoBooleansAreErrors) {
  const std::array<uint8_t, 2> memory = {1, 255};
  for (const DType dtype : {DType::u8, DType::boolean}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument, "allow: expected 0 or 1, found 255 at",
        [&] {
          (void)copy_booleans("allow", TensorView(memory.data(), dtype, {2}));
        }));
  }
}

TEST(TensorChecks, FloatsAreSentToTheImporters) {
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "a float mask of 0 and -inf is read by from_additive, one where 1 means "
      "masked by from_tf_tutorial",
      [] { (void)copy_booleans("allow", testing::floats({1}, {0})); }));
}

TEST(TensorChecks, ContentsHaveTypeShapeAndBytes) {
  EXPECT_TRUE(same_contents(ids({2}, {1, 2}), ids({2}, {1, 2})));
  EXPECT_FALSE(same_contents(ids({2}, {1, 2}), ids({2}, {1, 3})));
  EXPECT_FALSE(same_contents(ids({2}, {1, 2}), ids({1, 2}, {1, 2})));
  EXPECT_FALSE(same_contents(booleans({8}, "10000000"), ids({1}, {1})));
}

TEST(TensorChecks, EqualRowsAreOneClass) {
  EXPECT_EQ(classes_of_batch(ids({4, 2}, {1, 2, 3, 4, 1, 2, 3, 4})),
            (std::vector<int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(classes_of_batch(ids({2, 0}, {})), (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(classes_of_values({7, -7, 7}), (std::vector<int32_t>{0, 1, 0}));
  EXPECT_EQ(classes_of_values({}), std::vector<int32_t>{});
  const std::string rows = "abab";
  EXPECT_EQ(classes_of_rows(rows.data(), {0, 1, 2, 0}, 2),
            (std::vector<int32_t>{0, 1, 0, 0}));
}

TEST(TensorChecks, NamesAClauseByItsTensor) {
  EXPECT_EQ(said_as("allow", {"m", booleans({1}, "1")}), "allow(m)");
  EXPECT_EQ(said_as("allow", booleans({1}, "1")), "allow");
  EXPECT_EQ(said_as("padding", "ids"), "padding(ids)");
}

}  // namespace
}  // namespace maskwise::detail
