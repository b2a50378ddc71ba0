#include "base/bit_difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace maskwise::testing {
namespace {

using detail::bits_between;

TEST(BitDifference, CountsBits) {
  EXPECT_EQ(bits_between(1.5F, 1.5F), 0);
  EXPECT_EQ(bits_between(0.0F, -0.0F), 1);
  EXPECT_EQ(bits_between(1.0F, std::nextafter(1.0F, 2.0F)), 1);
  EXPECT_EQ(bits_between(0.0, -0.0), 1);
  // 0x7FF0... and 0.
  EXPECT_EQ(bits_between(std::numeric_limits<double>::infinity(), 0.0), 11);
}

TEST(BitDifference, OneNanIsAsGoodAsAnother) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(detail::bits_between_numbers(nan, -nan), 0);
  EXPECT_GT(detail::bits_between_numbers(nan, 1.0F), 0);
  EXPECT_EQ(detail::bits_between_numbers(0.0, -0.0), 1);
}

TEST(BitDifference, AddsThemOverNumbers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float a[] = {1, nan, 0, 7};
  const float b[] = {1, nan, -0.0F, -7};
  EXPECT_EQ(bits_between(a, b, 4), 2);
  EXPECT_EQ(bits_between(a, b, 2), 0);
  EXPECT_EQ(bits_between(nullptr, nullptr, 0), 0);
}

}  // namespace
}  // namespace maskwise::testing
