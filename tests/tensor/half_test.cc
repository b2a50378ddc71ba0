#include "tensor/half.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cfenv>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace maskwise::detail {
namespace {

// A 16-bit format by its definition: sign, exponent and fraction bits. Values
// are made with ldexp in double, so nothing here shares code or ideas with
// the bit tricks under test.
struct Format {
  const char* name;
  int fraction_bits;
  int bias;
  uint16_t infinity;  // every exponent bit set, no fraction
  uint16_t nan;       // what every NaN becomes
  float (*decode)(uint16_t);
  uint16_t (*encode)(float);

  // The value of non-negative `bits`; for the pattern of infinity the next
  // power of two, which is where rounding overflows to.
  double value(uint16_t bits) const {
    const int fraction = bits & ((1 << fraction_bits) - 1);
    const int exponent = bits >> fraction_bits;
    if (exponent == 0) return std::ldexp(fraction, 1 - bias - fraction_bits);
    return std::ldexp(fraction + (1 << fraction_bits),
                      exponent - bias - fraction_bits);
  }
};

const Format kFormats[] = {
    {"f16", 10, 15, 0x7C00, 0x7E00, f32_from_f16, f16_from_f32},
    {"bf16", 7, 127, 0x7F80, 0x7FC0, f32_from_bf16, bf16_from_f32}};

class HalfTest : public ::testing::TestWithParam<Format> {
 protected:
  const Format& format() const { return GetParam(); }

  // The non-negative values up to and with that of the pattern of infinity;
  // the index is the bit pattern.
  std::vector<double> magnitudes() const {
    std::vector<double> values;
    for (uint32_t bits = 0; bits <= format().infinity; ++bits) {
      values.push_back(format().value(static_cast<uint16_t>(bits)));
    }
    return values;
  }

  // Nearest value by search among all of them; a tie goes to the even pattern.
  uint16_t nearest(const std::vector<double>& values, float x) const {
    const auto sign = static_cast<uint16_t>(std::signbit(x) ? 0x8000 : 0);
    const double magnitude = std::fabs(static_cast<double>(x));
    const auto above =
        std::lower_bound(values.begin(), values.end(), magnitude);
    if (above == values.end()) return sign | format().infinity;
    const auto high = static_cast<uint16_t>(above - values.begin());
    if (high == 0) return sign;
    const uint16_t low = static_cast<uint16_t>(high - 1);
    const double to_high = values[high] - magnitude;
    const double to_low = magnitude - values[low];
    const bool up = to_high < to_low || (to_high == to_low && high % 2 == 0);
    return sign | (up ? high : low);
  }
};

TEST_P(HalfTest, EveryPatternDecodesToItsDefinition) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float decoded = format().decode(static_cast<uint16_t>(bits));
    const auto magnitude = static_cast<uint16_t>(bits & 0x7FFF);
    if (magnitude > format().infinity) {
      ASSERT_TRUE(std::isnan(decoded)) << std::hex << bits;
      continue;
    }
    const double expected = magnitude == format().infinity
                                ? std::numeric_limits<double>::infinity()
                                : format().value(magnitude);
    ASSERT_EQ(std::fabs(decoded), expected) << std::hex << bits;
    ASSERT_EQ(std::signbit(decoded), bits >= 0x8000) << std::hex << bits;
  }
}

TEST_P(HalfTest, EveryPatternComesBackAndEveryNanBecomesTheOneNan) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<uint16_t>(bits);
    const bool nan = (pattern & 0x7FFF) > format().infinity;
    ASSERT_EQ(format().encode(format().decode(pattern)),
              nan ? format().nan : pattern)
        << std::hex << bits;
  }
}

TEST_P(HalfTest, TiesGoToEvenAndTheirNeighboursToTheNearest) {
  const std::vector<double> values = magnitudes();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (size_t low = 0; low + 1 < values.size(); ++low) {
    const double middle = (values[low] + values[low + 1]) / 2;
    const auto tie = static_cast<float>(middle);
    ASSERT_EQ(static_cast<double>(tie), middle) << "no tie in f32";
    const auto even = static_cast<uint16_t>(low % 2 == 0 ? low : low + 1);
    ASSERT_EQ(format().encode(tie), even) << low;
    ASSERT_EQ(format().encode(-tie), even | 0x8000) << low;
    ASSERT_EQ(format().encode(std::nextafterf(tie, 0)), low);
    ASSERT_EQ(format().encode(std::nextafterf(tie, kInfinity)), low + 1);
  }
}

TEST_P(HalfTest, RandomFloatsRoundToTheNearestValue) {
  const std::vector<double> values = magnitudes();
  constexpr uint32_t kSeed = 20240611;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  for (int i = 0; i < 2'000'000; ++i) {
    const float any = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isnan(any)) continue;
    ASSERT_EQ(format().encode(any), nearest(values, any))
        << std::hexfloat << any;
    // Most floats lie far outside the range of f16: these lie inside.
    const float inside = std::ldexp(any, -std::ilogb(any) + i % 48 - 28);
    if (!std::isfinite(inside)) continue;
    ASSERT_EQ(format().encode(inside), nearest(values, inside))
        << std::hexfloat << inside;
  }
}

TEST_P(HalfTest, EveryNanBecomesTheOneNanWhateverItsSignAndPayload) {
  for (const uint32_t bits : {0x7F800001U, 0x7FC00000U, 0x7FFFFFFFU,
                              0xFF800001U, 0xFFC12345U, 0xFFFFFFFFU}) {
    EXPECT_EQ(format().encode(std::bit_cast<float>(bits)), format().nan)
        << std::hex << bits;
  }
}

TEST_P(HalfTest, InfinityAndTheLargestFloatOverflowToInfinity) {
  const float largest = std::numeric_limits<float>::max();
  const float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(format().encode(infinity), format().infinity);
  EXPECT_EQ(format().encode(-infinity), format().infinity | 0x8000);
  EXPECT_EQ(format().encode(largest), format().infinity);
  EXPECT_EQ(format().encode(-largest), format().infinity | 0x8000);
}

TEST_P(HalfTest, TheRoundingModeOfTheCallerDoesNotMatter) {
  const std::vector<double> values = magnitudes();
  for (const int mode : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::fesetround(mode);
    const uint16_t above = format().encode(1.0f + 0x1.8p-11f);
    const uint16_t denormal = format().encode(0x1.8p-24f);
    const float smallest = format().decode(1);
    std::fesetround(FE_TONEAREST);
    EXPECT_EQ(above, nearest(values, 1.0f + 0x1.8p-11f));
    EXPECT_EQ(denormal, nearest(values, 0x1.8p-24f));
    EXPECT_EQ(static_cast<double>(smallest), values[1]);
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, HalfTest, ::testing::ValuesIn(kFormats),
                         [](const auto& test) { return test.param.name; });

TEST(Half, WellKnownValuesHaveTheirBits) {
  EXPECT_EQ(f16_from_f32(1.0f), 0x3C00);
  EXPECT_EQ(f16_from_f32(-2.0f), 0xC000);
  EXPECT_EQ(f16_from_f32(65504.0f), 0x7BFF);  // the largest
  EXPECT_EQ(f16_from_f32(65519.996f), 0x7BFF);
  EXPECT_EQ(f16_from_f32(65520.0f), 0x7C00);  // the first that overflows
  EXPECT_EQ(f16_from_f32(0x1p-14f), 0x0400);  // the smallest normal
  EXPECT_EQ(f16_from_f32(0x1p-24f), 0x0001);  // the smallest denormal
  EXPECT_EQ(f16_from_f32(0x1p-25f), 0x0000);  // a tie with zero
  EXPECT_EQ(f16_from_f32(-0.0f), 0x8000);
  EXPECT_EQ(bf16_from_f32(1.0f), 0x3F80);
  EXPECT_EQ(bf16_from_f32(0x1.01p0f), 0x3F80);  // a tie, down to even
  EXPECT_EQ(bf16_from_f32(0x1.03p0f), 0x3F82);  // a tie, up to even
  EXPECT_EQ(bf16_from_f32(0x1p-133f), 0x0001);  // the smallest denormal
}

}  // namespace
}  // namespace maskwise::detail
