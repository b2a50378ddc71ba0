#include "layers/angles.h"

#include <cmath>
#include <cstdint>

namespace maskwise::nn::detail {
namespace {

// pi/2 and ln 2 as sums of two doubles: with fma, products by whole numbers
// below 2^30 are subtracted as if by a hundred bits.
constexpr double kHalfPi = 0x1.921fb54442d18p+0;
constexpr double kHalfPiRest = 0x1.1a62633145c07p-54;
constexpr double kLn2 = 0x1.62e42fefa39efp-1;
constexpr double kLn2Rest = 0x1.abc9e3b39803fp-56;

// 1 - x/(n (n-1)) (1 - x/((n-2) (n-3)) (...)), from power `last` of a series of
// alternating signs down to `first`.
double alternating(double square, int first, int last) {
  double sum = 1;
  for (int power = last; power >= first; power -= 2) {
    sum = 1 - sum * square / (power * (power - 1));
  }
  return sum;
}

// Series for |x| <= pi/4: what is left out is below 1e-17.
constexpr int kLastOfSine = 17;
constexpr int kLastOfCosine = 16;

// ln x for a finite x > 0.
double logarithm(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  constexpr double kRootOfHalf = 0x1.6a09e667f3bcdp-1;
  if (m < kRootOfHalf) {
    m *= 2;
    --exponent;
  }
  // 2 artanh(s), |s| < 0.172: the term of s^25 is below 1e-20.
  const double s = (m - 1) / (m + 1);
  constexpr int kLastTerm = 23;
  double sum = 0;
  for (int k = kLastTerm; k >= 1; k -= 2) sum = sum * (s * s) + 1.0 / k;
  return std::fma(exponent, kLn2, std::fma(exponent, kLn2Rest, 2 * s * sum));
}

// e^x while it is a normal number.
double exponential(double x) {
  const double n = std::nearbyint(x / kLn2);
  const double r = std::fma(-n, kLn2Rest, std::fma(-n, kLn2, x));
  constexpr int kLastTerm = 14;  // 0.35^15 / 15! is below 1e-19
  double sum = 1;
  for (int k = kLastTerm; k >= 1; --k) sum = 1 + sum * r / k;
  return std::ldexp(sum, static_cast<int>(n));
}

}  // namespace

SineCosine sine_cosine(double angle) {
  const double n = std::nearbyint(angle / kHalfPi);
  const double r = std::fma(-n, kHalfPiRest, std::fma(-n, kHalfPi, angle));
  const double sine = r * alternating(r * r, 3, kLastOfSine);
  const double cosine = alternating(r * r, 2, kLastOfCosine);
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      return {sine, cosine};
    case 1:
      return {cosine, -sine};
    case 2:
      return {-sine, -cosine};
    default:
      return {-cosine, sine};
  }
}

double power(double base, double exponent) {
  return exponential(exponent * logarithm(base));
}

}  // namespace maskwise::nn::detail
