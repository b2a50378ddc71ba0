// Activation functions and their derivatives, in scalar form: the same sequence
// of IEEE operations on every ISA, as backend/row_math.h.
#ifndef MASKWISE_BACKEND_ACTIVATION_H_
#define MASKWISE_BACKEND_ACTIVATION_H_

#include <algorithm>
#include <cmath>

#include "backend/row_math.h"

namespace maskwise::detail {

enum class ActivationKind {
  relu,  // max(x, 0)
  gelu,  // x Phi(x), Phi the distribution function of the normal distribution
  silu,  // x / (1 + e^-x)
  exp,   // e^x, for x <= 0: what a softmax is made of
};

// log2 Phi(-z) for 0 <= z <= kLargestTail, highest power first: fitted to the
// error of Phi, 3e-8 at most; -1 at 0, so that Phi(0) = 1/2.
inline constexpr float kTailCoefficients[] = {
    4.45549517e-07F,  -8.61167064e-06F,
    6.95309645e-05F,  -2.67890719e-04F,
    -1.33566491e-05F, 6.95919245e-03F,
    -5.24500981e-02F, -4.59217310e-01F,
    -1.15110469F,     -1.0F};
// Phi(-9) is below 2^-62.
inline constexpr float kLargestTail = 9.0F;

// 1 / sqrt(2 pi), and log2(e) / -2.
inline constexpr float kNormalDensity = 0.398942280F;
inline constexpr float kMinusHalfLog2e = -0.721347520F;

// Phi(x), under 6e-8 off; NaN passes.
inline float normal_distribution(float x) {
  const float a = std::fabs(x);
  const float z = a > kLargestTail ? kLargestTail : a;
  float q = kTailCoefficients[0];
  for (int i = 1; i < 10; ++i) q = std::fma(q, z, kTailCoefficients[i]);
  const float tail = exp2_contract(q);
  return x > 0 ? 1.0F - tail : tail;
}

// e^(-x^2 / 2) / sqrt(2 pi).
inline float normal_density(float x) {
  return exp2_contract((x * x) * kMinusHalfLog2e) * kNormalDensity;
}

// 1 / (1 + e^-x).
inline float sigmoid(float x) {
  const float z = exp2_contract(std::fabs(x) * -kLog2e);
  const float r = 1.0F / (1.0F + z);
  return x < 0 ? z * r : r;
}

inline float activation(ActivationKind kind, float x) {
  if (kind == ActivationKind::gelu) return x * normal_distribution(x);
  if (kind == ActivationKind::silu) return x * sigmoid(x);
  if (kind == ActivationKind::exp) return exp2_contract(x * kLog2e);
  return x < 0 ? 0.0F : x;
}

inline float activation_slope(ActivationKind kind, float x) {
  if (kind == ActivationKind::exp) return activation(kind, x);
  if (kind == ActivationKind::gelu) {
    return std::fma(x, normal_density(x), normal_distribution(x));
  }
  if (kind == ActivationKind::silu) {
    const float s = sigmoid(x);
    return std::fma(x * s, 1.0F - s, s);
  }
  return x > 0 ? 1.0F : (x == x ? 0.0F : x);
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_ACTIVATION_H_
