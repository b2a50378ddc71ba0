#include "base/checked_math.h"

#include <gtest/gtest.h>

namespace maskwise::detail {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

TEST(CheckedMath, ProductIsExactOrNothing) {
  EXPECT_EQ(checked_product(0, kMax), 0);
  EXPECT_EQ(checked_product(1, kMax), kMax);
  EXPECT_EQ(checked_product(kMax, 2), std::nullopt);
  EXPECT_EQ(checked_product(int64_t{1} << 31, int64_t{1} << 31),
            int64_t{1} << 62);
  EXPECT_EQ(checked_product(int64_t{1} << 32, int64_t{1} << 31), std::nullopt);
  EXPECT_EQ(checked_product(3037000499, 3037000499), 9223372030926249001);
  EXPECT_EQ(checked_product(3037000500, 3037000500), std::nullopt);
}

TEST(CheckedMath, ClampKeepsWhatFitsAndStopsAtTheEnds) {
  EXPECT_EQ(clamp_wide(5, 0, 10), 5);
  EXPECT_EQ(clamp_wide(-1, 0, 10), 0);
  EXPECT_EQ(clamp_wide(11, 0, 10), 10);
  EXPECT_EQ(clamp_wide(wide_int{kMax} + kMax, kMin, kMax), kMax);
  EXPECT_EQ(clamp_wide(wide_int{kMin} + kMin, kMin, kMax), kMin);
}

TEST(CheckedMath, FloorModAndDivAgreeWithTheirDefinition) {
  for (int64_t divisor = 1; divisor < 9; ++divisor) {
    for (int64_t value = -40; value <= 40; ++value) {
      const int64_t rest = floor_mod(value, divisor);
      EXPECT_GE(rest, 0);
      EXPECT_LT(rest, divisor);
      EXPECT_EQ(
          static_cast<int64_t>(floor_div(value, divisor)) * divisor + rest,
          value);
    }
  }
}

TEST(CheckedMath, FloorModAndDivHoldAtTheExtremes) {
  EXPECT_EQ(floor_mod(kMin, kMax), kMax - 1);
  EXPECT_EQ(floor_mod(wide_int{kMin} + kMin, 1), 0);
  EXPECT_TRUE(floor_div(wide_int{kMin} * 2, 2) == kMin);
  EXPECT_TRUE(floor_div(wide_int{kMax} * 2, 1) == wide_int{kMax} * 2);
}

TEST(CheckedMath, CeilDivRoundsUpWithoutOverflow) {
  EXPECT_EQ(ceil_div(0, 64), 0);
  EXPECT_EQ(ceil_div(1, 64), 1);
  EXPECT_EQ(ceil_div(64, 64), 1);
  EXPECT_EQ(ceil_div(65, 64), 2);
  EXPECT_EQ(ceil_div(kMax, 1), kMax);
  EXPECT_EQ(ceil_div(kMax, kMax), 1);
  EXPECT_EQ(ceil_div(kMax, 2), (int64_t{1} << 62));
}

}  // namespace
}  // namespace maskwise::detail
