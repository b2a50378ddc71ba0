#include "maskwise/mask_text.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"
#include "tests/support/mask_table.h"

namespace maskwise {
namespace {

using testing::booleans;
using testing::ids;
using testing::throws_error;

TEST(MaskText, ExamplesOfTheDesignPrintAsTheyWereSaid) {
  const TensorMap tensors = {{"token_ids", ids({2, 3}, {5, 6, 0, 7, 0, 0})},
                             {"m", booleans({3, 3}, "100 110 111")}};
  for (const std::string text :
       {"causal & padding(token_ids, pad=0)",
        "causal(align=bottom_right) & sliding_window(left=128)",
        "causal & (sliding_window(left=1023) | prefix(4))", "lengths([3,5])",
        "allow(m)"}) {
    EXPECT_EQ(to_string(parse_mask(text, tensors)).text, text);
  }
}

TEST(MaskText, TextOf64KibIsTheLongest) {
  const std::string longest(64 * 1024 - 3, ' ');
  EXPECT_EQ(parse_mask("all" + longest), all());
  EXPECT_TRUE(throws_error(
      ErrorCode::limit, "the mask text has 65537 bytes; expected at most 65536",
      [&] { (void)parse_mask("all " + longest); }));
}

TEST(MaskText, GivesTheTensorsThatItNames) {
  const MaskText text = to_string(allow({"m", booleans({1, 2}, "01")}) &
                                  padding(ids({1, 2}, {0, 3})));
  EXPECT_EQ(text.text, "allow(m) & padding(t0, pad=0)");
  ASSERT_EQ(text.tensors.size(), 2U);
  EXPECT_EQ(text.tensors.at("m").shape(), (Shape{1, 2}));
  EXPECT_EQ(text.tensors.at("t0").dtype(), DType::i64);
}

}  // namespace
}  // namespace maskwise
