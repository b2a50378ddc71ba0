// The elementary functions of the row contract, in scalar form: the same
// sequence of IEEE operations on every ISA, so that every kernel can repeat
// it. Rounding must be to nearest even (see base/fp_environment.h).
#ifndef MASKWISE_BACKEND_ROW_MATH_H_
#define MASKWISE_BACKEND_ROW_MATH_H_

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace maskwise::detail {

inline constexpr float kLog2e = 1.44269504F;
inline constexpr float kLn2 = 0.693147181F;
inline constexpr float kMinusInfinity = -std::numeric_limits<float>::infinity();

// Where the running maximum begins: below it there is only -inf.
inline constexpr float kLowest = std::numeric_limits<float>::lowest();

// exp2 is +0 below this: 2^n would be denormal.
inline constexpr float kSmallestExponent = -126.0F;

// 2^r for |r| <= 1/2: the polynomial of degree 6 with the least relative error
// there, its last coefficient fixed at 1. Highest power first, as are the
// others.
inline constexpr float kExp2Coefficients[] = {1.535336188e-4F,
                                              1.339887440e-3F,
                                              9.618437357e-3F,
                                              5.550332548e-2F,
                                              2.402264791e-1F,
                                              6.931472028e-1F,
                                              1.0F};

// 2^t for t <= 0, under 1 ulp; NaN passes. t = n + r with |r| <= 1/2; 2^n goes
// into the exponent, exactly.
inline float exp2_contract(float t) {
  if (t < kSmallestExponent) return 0.0F;
  if (t != t) return t;
  const float n = std::rint(t);
  const float r = t - n;
  float p = kExp2Coefficients[0];
  for (int i = 1; i < 7; ++i) p = std::fma(p, r, kExp2Coefficients[i]);
  const auto exponent = static_cast<uint32_t>(static_cast<int32_t>(n) + 127);
  return p * std::bit_cast<float>(exponent << 23);
}

// 2/ln2 divided by 9, 7, 5, 3 and 1.
inline constexpr float kLog2Coefficients[] = {
    0.320598897F, 0.412198582F, 0.577078015F, 0.961796693F, 2.88539008F};

// The bits of sqrt(1/2) and of a fraction.
inline constexpr int32_t kSqrtHalfBits = 0x3F3504F3;
inline constexpr int32_t kFractionBits = 0x007FFFFF;

// log2(x) for x >= 2^-126, under 3.1 ulp; NaN passes. x = 2^e f with f in
// [sqrt(1/2), sqrt(2)), and log2 f = 2/ln2 atanh(s) with s = (f-1)/(f+1), whose
// series ends at s^9: |s| <= 0.172, so the rest is under 2^-28 of the sum.
inline float log2_contract(float x) {
  if (x != x) return x;
  const int32_t shifted = std::bit_cast<int32_t>(x) - kSqrtHalfBits;
  const int32_t e = shifted >> 23;
  const float f =
      std::bit_cast<float>((shifted & kFractionBits) + kSqrtHalfBits);
  const float s = (f - 1.0F) / (f + 1.0F);
  const float u = s * s;
  float p = kLog2Coefficients[0];
  for (int i = 1; i < 5; ++i) p = std::fma(p, u, kLog2Coefficients[i]);
  return std::fma(p, s, static_cast<float>(e));
}

// tanh(y) / y - 1 over y^2 for |y| < kTanhPolynomialEnd, fitted to the relative
// error (1.5e-8).
inline constexpr float kTanhCoefficients[] = {
    -6.096714166e-03F, 2.099717900e-02F, -5.385090958e-02F, 1.333276974e-01F,
    -3.333332894e-01F};
inline constexpr float kTanhPolynomialEnd = 0.625F;
inline constexpr float kMinusTwoLog2e = -2.88539008F;

// tanh(y), under 2 ulp; NaN passes. Below 0.625 an odd polynomial; above,
// (1 - z) / (1 + z) with z = e^(-2|y|), where nothing cancels.
inline float tanh_contract(float y) {
  const float a = std::fabs(y);
  if (a < kTanhPolynomialEnd) {
    const float u = y * y;
    float p = kTanhCoefficients[0];
    for (int i = 1; i < 5; ++i) p = std::fma(p, u, kTanhCoefficients[i]);
    return std::fma(y * u, p, y);
  }
  const float z = exp2_contract(a * kMinusTwoLog2e);
  return std::copysign((1.0F - z) / (1.0F + z), y);
}

// The larger of the two; NaN in x is ignored.
inline float max_ignoring_nan(float m, float x) { return x > m ? x : m; }

// The only NaN that is ever stored.
inline constexpr float kStoredNan = std::bit_cast<float>(uint32_t{0x7FC00000});

// What is stored: -0 becomes +0 and every NaN 0x7FC00000.
inline float stored(float x) {
  x = x + 0.0F;
  return x == x ? x : kStoredNan;
}

// How the sums of two parts of a row become one, the earlier keys first.
struct RowMerge {
  float m = kLowest;
  float old_scale = 1;
  float new_scale = 0;

  float sum(float earlier, float later) const {
    return std::fma(earlier, old_scale, later * new_scale);
  }
};

inline RowMerge merge_of(float earlier_m, float later_m) {
  const float m = max_ignoring_nan(earlier_m, later_m);
  return {m, exp2_contract((earlier_m - m) * kLog2e),
          exp2_contract((later_m - m) * kLog2e)};
}

// What is stored of a row's sums: l is 0 only where no key weighs anything.
inline float stored_max(float m, float l) {
  return l == 0 ? kLowest : stored(l == l ? m : l);
}

inline float stored_lse(float m, float l) {
  if (l == 0) return kMinusInfinity;
  return stored(std::fma(log2_contract(l), kLn2, m));
}

inline float inverse_of(float l) { return l == 0 ? 0.0F : 1.0F / l; }

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_ROW_MATH_H_
