// Gradients of f32 layers against central differences of their float64 rewrite
// (layer_oracle.h).
#ifndef MASKWISE_TESTS_SUPPORT_LAYER_GRADIENTS_H_
#define MASKWISE_TESTS_SUPPORT_LAYER_GRADIENTS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

#include "maskwise/nn/module.h"
#include "tests/support/attention_case.h"
#include "tests/support/layer_oracle.h"

namespace maskwise::testing {

// Normal parameters; the deviation keeps sums over `inputs` near 1.
inline void randomise(Rng& rng, nn::Module& module, float deviation = 0.5F) {
  module.visit_parameters("", [&](const std::string&, nn::Parameter& one) {
    const Tensor values = normal(rng, one.value.shape(), deviation);
    std::copy_n(values.data<float>(), values.size(),
                one.value.mutable_data<float>());
  });
}

inline WideMap wide_parameters(nn::Module& module) {
  WideMap found;
  for (const auto& [name, value] : module.parameters()) {
    found[name] = widened(value);
  }
  return found;
}

// The f32 results are sums of some tens of terms in several steps, which adds
// up to some tens of roundings of u = 6e-8 of the largest element of a tensor;
// and a score s that is off by u |s| makes its weight off by that part, where
// |s| is 10 or so. 1e-5 is 160 u; what is seen is 3e-6 at most. A wrong sign,
// factor or index, or a missing term, is off by 1e-2 and more.
inline constexpr double kLayerTolerance = 1e-5;

// Central differences are off by h^2 / 6 f''' (6e-10 for f''' near 1) and by
// 1e-16 / h (2e-12) of the loss: neither is seen at kLayerTolerance. relu has a
// kink within h of a number in 1 of some 10^4 tests; the seeds are fixed.
inline constexpr double kStep = 0x1p-14;

// Largest difference, as a part of the largest expected element, or of 1.
inline double worst_error(const Tensor& found, const Wide& expected) {
  double largest = 1;
  for (const double each : expected) {
    largest = std::fmax(largest, std::fabs(each));
  }
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(found.data<float>()[i] - expected[i]);
    // A NaN is the worst of all.
    worst = error <= worst ? worst : error;
    if (std::isnan(error)) return error;
  }
  return worst / largest;
}

inline void expect_close(const Tensor& found, const Wide& expected,
                         const std::string& name) {
  ASSERT_EQ(found.size(), std::ssize(expected)) << name;
  EXPECT_LE(worst_error(found, expected), kLayerTolerance) << name;
}

// What the loss is: the sum of y times d_y.
inline double weighted_sum(const Wide& y, const Tensor& d_y) {
  double sum = 0;
  for (size_t i = 0; i < y.size(); ++i) sum += y[i] * d_y.data<float>()[i];
  return sum;
}

// y of all that it depends on.
using LayerFunction = std::function<Wide(const WideMap&)>;

inline Wide central_differences(const LayerFunction& y_of, WideMap at,
                                const Tensor& d_y, const std::string& name) {
  Wide slopes;
  Wide& values = at.at(name);
  for (double& value : values) {
    const double middle = value;
    value = middle + kStep;
    const double above = weighted_sum(y_of(at), d_y);
    value = middle - kStep;
    const double below = weighted_sum(y_of(at), d_y);
    value = middle;
    slopes.push_back((above - below) / (2 * kStep));
  }
  return slopes;
}

// Each gradient in `found`, of x, memory and the parameters by name, is the
// slope of the float64 layer at `at`.
inline void expect_slopes(const LayerFunction& y_of, const WideMap& at,
                          const Tensor& d_y, const TensorMap& found) {
  ASSERT_EQ(found.size(), at.size());
  double worst = 0;
  for (const auto& [name, gradient] : found) {
    const Wide slopes = central_differences(y_of, at, d_y, name);
    expect_close(gradient, slopes, name);
    worst = std::fmax(worst, worst_error(gradient, slopes));
  }
  std::printf("gradients off by %.2e\n", worst);
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_LAYER_GRADIENTS_H_
