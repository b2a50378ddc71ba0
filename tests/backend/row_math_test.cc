// The elementary functions of the row contract against the double functions
// of libm, whose own error (under 1 ulp of double) does not show here.
#include "backend/row_math.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <limits>

namespace maskwise::detail {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Steps in bits between the floats of a sweep: primes, so that no pattern of
// low bits is left out.
constexpr uint32_t kFineStep = 61;
constexpr uint32_t kCoarseStep = 251;

// The largest over every float of [1, 2^24] is 3.004, at 1.09002244.
constexpr double kLog2Bound = 3.1;

struct Worst {
  double ulps = 0;
  float at = 0;
};

// |value - exact| in units of the last place of an f32 near `exact`.
double ulps_between(float value, double exact) {
  const double unit = std::ldexp(1.0, std::ilogb(exact) - 23);
  return std::fabs(static_cast<double>(value) - exact) / unit;
}

// The largest error of f against g over every step-th float of
// [first, last], both of one sign and |first| <= |last|.
template <typename F, typename G>
Worst worst_error(float first, float last, uint32_t step, F f, G g) {
  Worst worst;
  const auto begin = std::bit_cast<uint32_t>(first);
  const auto end = std::bit_cast<uint32_t>(last);
  for (uint32_t bits = begin; bits <= end; bits += step) {
    const auto x = std::bit_cast<float>(bits);
    const double error = ulps_between(f(x), g(static_cast<double>(x)));
    if (error > worst.ulps) worst = {error, x};
  }
  return worst;
}

void expect_below(const char* name, const Worst& worst, double bound) {
  std::printf("%s: worst error %.4f ulp at %.9g (bound %g)\n", name, worst.ulps,
              static_cast<double>(worst.at), bound);
  EXPECT_LT(worst.ulps, bound) << name << " at " << worst.at;
}

double exact_exp2(double x) { return std::exp2(x); }
double exact_log2(double x) { return std::log2(x); }
double exact_tanh(double x) { return std::tanh(x); }

TEST(RowMathTest, Exp2IsWithinOneUlpOnItsWholeDomain) {
  expect_below("exp2 on [-126, -2^-25]",
               worst_error(-0x1p-25F, kSmallestExponent, kFineStep,
                           exp2_contract, exact_exp2),
               1.0);
}

TEST(RowMathTest, Exp2IsExactAtIntegersAndOneNearZero) {
  for (int n = -126; n <= 0; ++n) {
    EXPECT_EQ(exp2_contract(static_cast<float>(n)), std::ldexp(1.0F, n)) << n;
  }
  for (const float tiny : {0.0F, -0.0F, -0x1p-149F, -0x1p-126F, -0x1p-26F}) {
    EXPECT_EQ(exp2_contract(tiny), 1.0F) << tiny;
  }
}

TEST(RowMathTest, Exp2IsPlusZeroBelowMinus126) {
  const float below = std::nextafter(kSmallestExponent, -kInfinity);
  for (const float x : {below, -127.0F, -149.0F, -1e30F, kLowest, -kInfinity}) {
    EXPECT_EQ(std::bit_cast<uint32_t>(exp2_contract(x)), 0u) << x;
  }
  EXPECT_EQ(exp2_contract(kSmallestExponent), 0x1p-126F);
}

TEST(RowMathTest, Log2IsWithinThreeUlpAndATenthOverEveryNormalNumber) {
  expect_below("log2 on [1, 2^24]",
               worst_error(std::nextafter(1.0F, 2.0F), 0x1p24F, kFineStep,
                           log2_contract, exact_log2),
               kLog2Bound);
  expect_below("log2 on [2^24, max]",
               worst_error(0x1p24F, std::numeric_limits<float>::max(),
                           kCoarseStep, log2_contract, exact_log2),
               kLog2Bound);
  expect_below("log2 on [2^-126, 1)",
               worst_error(0x1p-126F, std::nextafter(1.0F, 0.0F), kCoarseStep,
                           log2_contract, exact_log2),
               kLog2Bound);
}

TEST(RowMathTest, Log2IsExactAtPowersOfTwo) {
  for (int n = -126; n <= 127; ++n) {
    EXPECT_EQ(log2_contract(std::ldexp(1.0F, n)), static_cast<float>(n));
  }
}

TEST(RowMathTest, TanhIsWithinTwoUlpOnBothSides) {
  // Beyond 9.02 tanh rounds to 1, and so does what the contract computes.
  expect_below(
      "tanh on [2^-30, 10]",
      worst_error(0x1p-30F, 10.0F, kFineStep, tanh_contract, exact_tanh), 2.0);
  expect_below(
      "tanh on [-10, -2^-30]",
      worst_error(-0x1p-30F, -10.0F, kCoarseStep, tanh_contract, exact_tanh),
      2.0);
}

TEST(RowMathTest, TanhKeepsZerosAndTinyNumbersAndEndsAtOne) {
  // Of the sign of a zero nothing is promised: what is stored has none.
  for (const float x : {0.0F, -0.0F, 0x1p-149F, -0x1p-149F, 0x1p-126F}) {
    EXPECT_EQ(tanh_contract(x), x);
  }
  for (const float x : {10.0F, 1e30F, kInfinity}) {
    EXPECT_EQ(tanh_contract(x), 1.0F) << x;
    EXPECT_EQ(tanh_contract(-x), -1.0F) << x;
  }
}

TEST(RowMathTest, TanhIsOdd) {
  for (uint32_t bits = 0; bits < 0x41200000; bits += 100003) {
    const auto x = std::bit_cast<float>(bits);
    ASSERT_EQ(tanh_contract(-x), -tanh_contract(x)) << x;
  }
}

TEST(RowMathTest, NanPassesThroughEveryFunction) {
  const auto signalling = std::bit_cast<float>(uint32_t{0x7F800001});
  for (const float nan : {kNan, -kNan, signalling}) {
    EXPECT_TRUE(std::isnan(exp2_contract(nan)));
    EXPECT_TRUE(std::isnan(log2_contract(nan)));
    EXPECT_TRUE(std::isnan(tanh_contract(nan)));
  }
}

TEST(RowMathTest, TheMaximumIgnoresNan) {
  EXPECT_EQ(max_ignoring_nan(1, kNan), 1);
  EXPECT_EQ(max_ignoring_nan(1, 2), 2);
  EXPECT_EQ(max_ignoring_nan(kLowest, -kInfinity), kLowest);
}

TEST(RowMathTest, MergingWithNothingChangesNoBit) {
  for (const float m : {kLowest, -3.0F, 0.0F, 1e30F}) {
    for (const float sum : {0.0F, 1.0F, 0.1F, 1e38F, -7.5F, kInfinity}) {
      const RowMerge behind = merge_of(m, kLowest);
      EXPECT_EQ(behind.m, m);
      EXPECT_EQ(behind.sum(sum, 0), sum);
      const RowMerge before = merge_of(kLowest, m);
      EXPECT_EQ(before.m, m);
      EXPECT_EQ(before.sum(0, sum), sum);
    }
  }
}

TEST(RowMathTest, MergingScalesTheSumsToTheLargerMaximum) {
  const RowMerge merged = merge_of(1, 3);
  EXPECT_EQ(merged.m, 3);
  EXPECT_EQ(merged.new_scale, 1);
  EXPECT_FLOAT_EQ(merged.sum(2, 5), 2 * std::exp(-2.0F) + 5);
}

TEST(RowMathTest, NanOnEitherSideOfAMergeStays) {
  EXPECT_TRUE(std::isnan(merge_of(kNan, 1).sum(kNan, 2)));
  EXPECT_TRUE(std::isnan(merge_of(1, kNan).sum(2, kNan)));
  EXPECT_TRUE(std::isnan(stored_max(1, kNan)));
}

TEST(RowMathTest, RowWithoutWeightIsAbsent) {
  EXPECT_EQ(stored_max(5, 0), kLowest);
  EXPECT_EQ(stored_lse(5, 0), kMinusInfinity);
  EXPECT_EQ(inverse_of(0), 0);
  EXPECT_EQ(stored_lse(5, 1), 5);
}

TEST(RowMathTest, WhatIsStoredHasNoMinusZeroAndOneNan) {
  EXPECT_EQ(std::bit_cast<uint32_t>(stored(-0.0F)), 0u);
  EXPECT_EQ(stored(-1.5F), -1.5F);
  EXPECT_EQ(stored(0x1p-149F), 0x1p-149F);
  for (const uint32_t nan : {0x7FC00000u, 0xFFC01234u, 0x7F800001u}) {
    EXPECT_EQ(std::bit_cast<uint32_t>(stored(std::bit_cast<float>(nan))),
              0x7FC00000u);
  }
}

}  // namespace
}  // namespace maskwise::detail
