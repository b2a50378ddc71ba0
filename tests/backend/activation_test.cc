#include "backend/activation.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "base/fp_environment.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using detail::ActivationKind;

constexpr ActivationKind kKinds[] = {ActivationKind::relu, ActivationKind::gelu,
                                     ActivationKind::silu, ActivationKind::exp};

double exact(ActivationKind kind, double x) {
  if (kind == ActivationKind::gelu) {
    return 0.5 * x * std::erfc(-x / std::sqrt(2.0));
  }
  if (kind == ActivationKind::silu) return x / (1 + std::exp(-x));
  if (kind == ActivationKind::exp) return std::exp(x);
  return std::fmax(x, 0.0);
}

double exact_slope(ActivationKind kind, double x) {
  if (kind == ActivationKind::gelu) {
    constexpr double kInverseRoot = 0.39894228040143267794;
    return 0.5 * std::erfc(-x / std::sqrt(2.0)) +
           x * kInverseRoot * std::exp(-x * x / 2);
  }
  if (kind == ActivationKind::silu) {
    const double s = 1 / (1 + std::exp(-x));
    return s + x * s * (1 - s);
  }
  if (kind == ActivationKind::exp) return std::exp(x);
  return x > 0 ? 1 : 0;
}

uint32_t bits_of(float x) { return std::bit_cast<uint32_t>(x); }

// -20 to 20, or to where the function is defined, every 1/512.
std::vector<float> sweep(ActivationKind kind) {
  std::vector<float> values;
  const int last = kind == ActivationKind::exp ? 0 : 20 * 512;
  for (int i = -20 * 512; i <= last; ++i) {
    values.push_back(static_cast<float>(i) / 512);
  }
  return values;
}

// Phi is off by 6e-8 at most, a product by its half ulp.
TEST(Activation, IsAsTheFormulasSay) {
  constexpr double kOff = 2.5e-7;
  for (const ActivationKind kind : kKinds) {
    double worst = 0;
    for (const float x : sweep(kind)) {
      const double scale = std::fmax(1, std::fabs(x));
      worst = std::fmax(
          worst, std::fabs(activation(kind, x) - exact(kind, x)) / scale);
      worst = std::fmax(
          worst,
          std::fabs(activation_slope(kind, x) - exact_slope(kind, x)) / scale);
    }
    std::printf("off by %.2e\n", worst);
    EXPECT_LT(worst, kOff);
  }
}

TEST(Activation, LetsNanPass) {
  for (const ActivationKind kind : kKinds) {
    EXPECT_TRUE(std::isnan(activation(kind, kNan)));
    EXPECT_TRUE(std::isnan(activation_slope(kind, kNan)));
  }
}

// Every ISA gives the bits of the scalar form, whatever the count.
TEST(Activation, KernelsGiveItsBits) {
  const detail::FpEnvironment environment;
  for (const ActivationKind kind : kKinds) {
    std::vector<float> x = sweep(kind);
    x.insert(x.end(), {kMinusInf, -0.0F, -1e-40F, kFinfoMin});
    if (kind != ActivationKind::exp) {
      x.insert(x.end(), {kInf, 1e-40F, -kFinfoMin});
    }
    std::vector<float> expected;
    std::vector<float> slopes;
    for (const float each : x) {
      expected.push_back(activation(kind, each));
      slopes.push_back(3.0F * activation_slope(kind, each));
    }
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      const detail::KernelTable& kernels = detail::kernels_of(info.isa);
      for (const size_t count : {size_t{1}, size_t{15}, size_t{17}, x.size()}) {
        std::vector<float> y(count);
        std::vector<float> d(count, 3.0F);
        const auto n = static_cast<int64_t>(count);
        kernels.activate(kind, x.data(), y.data(), n);
        kernels.activate_back(kind, x.data(), d.data(), n);
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(bits_of(y[i]), bits_of(expected[i])) << x[i];
          // Infinity times 0 is a NaN of either sign.
          if (std::isnan(d[i]) && std::isnan(slopes[i])) continue;
          ASSERT_EQ(bits_of(d[i]), bits_of(slopes[i])) << x[i];
        }
      }
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
