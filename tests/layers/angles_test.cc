// Sine, cosine and powers of our own beside those of the C library.
#include "layers/angles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace maskwise {
namespace {

using nn::detail::power;
using nn::detail::sine_cosine;

// Half a unit in the last place of the C library's, and some of ours.
constexpr double kOff = 4e-16;

TEST(Angles, SinesAndCosinesAreThoseOfTheCLibrary) {
  std::mt19937_64 random(20261122);
  for (const double most : {1.0, 10.0, 1e4, 1e6, 1e9}) {
    std::uniform_real_distribution<double> angles(-most, most);
    for (int i = 0; i < 2000; ++i) {
      const double angle = angles(random);
      const auto [sine, cosine] = sine_cosine(angle);
      ASSERT_NEAR(sine, std::sin(angle), kOff) << angle;
      ASSERT_NEAR(cosine, std::cos(angle), kOff) << angle;
    }
  }
}

TEST(Angles, ZeroAndQuarterTurnsAreExact) {
  EXPECT_EQ(sine_cosine(0).sine, 0);
  EXPECT_EQ(sine_cosine(0).cosine, 1);
  const double quarter = std::acos(0.0);
  EXPECT_EQ(sine_cosine(quarter).sine, 1);
  EXPECT_EQ(sine_cosine(2 * quarter).cosine, -1);
  EXPECT_EQ(sine_cosine(-quarter).sine, -1);
}

TEST(Angles, PowersAreThoseOfTheCLibrary) {
  std::mt19937_64 random(20261122);
  std::uniform_real_distribution<double> exponents(-1, 1);
  for (const double base : {0.5, 2.0, 10000.0, 500000.0, 1.0}) {
    for (int i = 0; i < 2000; ++i) {
      const double exponent = exponents(random);
      const double expected = std::pow(base, exponent);
      ASSERT_NEAR(power(base, exponent) / expected, 1, 5e-15) << exponent;
    }
  }
  EXPECT_EQ(power(10000, 0), 1);
}

// Any machine and any C library must give these bits.
TEST(Angles, BitsAreTheSameEverywhere) {
  EXPECT_EQ(sine_cosine(0x1.81cd6c8b43958p+13).sine, -0x1.687d5890974a5p-1);
  EXPECT_EQ(sine_cosine(0x1.81cd6c8b43958p+13).cosine, 0x1.6b94c3bbe24b8p-1);
  EXPECT_EQ(sine_cosine(-0x1.4585555555555p+18).sine, 0x1.99d1bf0e61ae5p-1);
  EXPECT_EQ(sine_cosine(0x1.d6a366p+29).cosine, 0x1.f6e04d700f841p-2);
  EXPECT_EQ(power(10000, -0.125), 0x1.43d136248490ep-2);
  EXPECT_EQ(power(10000, -0x1.ccccccccccccdp-1), 0x1.0763f01e8e5a9p-12);
}

}  // namespace
}  // namespace maskwise
