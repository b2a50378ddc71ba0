#include <gtest/gtest.h>

#include "maskwise/inspect.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

std::vector<VariantReport> compare_demo() {
  const CompareDemo demo = make_compare_demo();
  return compare(demo.q, demo.k, demo.v, compile(demo.mask));
}

TEST(CompareDemo, OneMaskedKeyWouldHoldNinetyNinePercent) {
  const CompareDemo demo = make_compare_demo();
  const AttentionResult unmasked =
      attention(demo.q, demo.k, demo.v, compile(all().bind({1, 1, 2, 4})),
                {.weights = Weights::all});
  EXPECT_NEAR(unmasked.weights.data<float>()[3], 0.99, 1e-6);
  EXPECT_FALSE(demo.mask.allowed(0, 0, 0, 3));
  EXPECT_EQ(demo.mask.visible_keys(0, 0, 0), (std::vector<int64_t>{0, 1, 2}));
  EXPECT_TRUE(demo.mask.visible_keys(0, 0, 1).empty());
}

TEST(CompareDemo, ItsNumbersAreThoseOfTheText) {
  const CompareDemo demo = make_compare_demo();
  const AttentionResult ours =
      attention(demo.q, demo.k, demo.v, compile(demo.mask));
  EXPECT_NEAR(*ours.o.data<float>(), 2, 1e-6);
  const auto reports = compare_demo();
  EXPECT_NEAR(reports[4].row_sum_max, 0.01, 1e-6);
  EXPECT_NEAR(reports[4].output_diff_max, 2 - 0.02, 1e-6);
  EXPECT_NEAR(reports[4].masked_gradient_max, 0.11, 0.005);
  EXPECT_EQ(reports[0].masked_gradient_max, 0);
  for (const char* words :
       {"99 %", "0.33 %", "sums to 1 ", "sums to 0.01", "is 2,", "is 0.02,",
        "values 1, 2, 3 and 100", "0.11 of gradient", "0/0"}) {
    EXPECT_NE(demo.text.find(words), std::string::npos) << words;
  }
}

TEST(CompareDemo, ItsSecondRowSeesNoKey) {
  EXPECT_EQ(compare_demo()[1].fully_masked_row,
            "uniform weights 1/4: the mean of all values");
}

}  // namespace
}  // namespace maskwise
