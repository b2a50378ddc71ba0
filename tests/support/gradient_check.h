// Holds the gradients of the float64 oracle against differences of its forward
// pass: the formulas of one against nothing but the values of the other.
#ifndef MASKWISE_TESTS_SUPPORT_GRADIENT_CHECK_H_
#define MASKWISE_TESTS_SUPPORT_GRADIENT_CHECK_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/gradient_oracle.h"

namespace maskwise::testing {

// Inputs are multiples of kGrid and steps are not larger, so that every input
// that is stepped away from is a float of less than 24 bits, too.
inline constexpr float kGrid = 0x1p-8F;
inline constexpr float kStep = 0x1p-9F;

// A central difference over h and 2h, with what cancels between the two taken
// away, is off by h^4 / 30 of the fifth derivative: 5e-13 of it. Values of
// order 1 and scores below 20 keep that under 1e4. The loss, a sum of about a
// hundred terms of order 1, is rounded by 1e-14 or less: over h, 5e-12.
inline constexpr double kDifferenceError = 1e-8;

// Normal values, rounded to the grid.
inline Tensor on_grid(Rng& rng, const Shape& shape) {
  Tensor tensor = normal(rng, shape);
  float* x = tensor.mutable_data<float>();
  for (int64_t i = 0; i < tensor.size(); ++i) {
    x[i] = std::round(x[i] / kGrid) * kGrid;
  }
  return tensor;
}

// A case with its own inputs on the grid, which can be stepped.
class GradientCheck {
 public:
  GradientCheck(Rng& rng, GradientCase gradient) : case_(std::move(gradient)) {
    AttentionCase& call = case_.call;
    q_ = on_grid(rng, call.q.shape());
    k_ = on_grid(rng, call.k.shape());
    v_ = on_grid(rng, call.v.shape());
    call.q = q_;
    call.k = k_;
    call.v = v_;
    if (call.bias.defined()) call.bias = on_grid(rng, call.bias.shape());
  }

  // Every element of every gradient.
  void expect_derivatives() {
    const detail::OracleGradients exact = oracle_of(case_);
    expect_derivative("dq", exact.dq.value, q_);
    expect_derivative("dk", exact.dk.value, k_);
    expect_derivative("dv", exact.dv.value, v_);
    if (case_.call.bias.defined()) {
      expect_derivative("dbias", exact.dbias.value, case_.call.bias);
    }
  }

 private:
  // sum d_o o + sum d_lse lse; the lse of a row without keys is -inf, whatever
  // the inputs are, and is left out.
  double loss() const {
    const detail::OracleResult result = oracle_of(case_.call);
    double sum = 0;
    for (size_t i = 0; i < result.o.size(); ++i) {
      sum += static_cast<double>(case_.d_o.data<float>()[i]) * result.o[i];
    }
    if (!case_.d_lse.defined()) return sum;
    for (size_t i = 0; i < result.lse.size(); ++i) {
      if (std::isinf(result.lse[i])) continue;
      sum += static_cast<double>(case_.d_lse.data<float>()[i]) * result.lse[i];
    }
    return sum;
  }

  // loss(x + step) - loss(x - step)
  double difference(float& x, float step) const {
    const float before = x;
    x = before + step;
    const double above = loss();
    x = before - step;
    const double below = loss();
    x = before;
    return above - below;
  }

  void expect_derivative(const char* name, const std::vector<double>& exact,
                         Tensor& input) const {
    ASSERT_EQ(std::ssize(exact), input.size()) << name;
    for (int64_t i = 0; i < input.size(); ++i) {
      float& x = input.mutable_data<float>()[i];
      const double slope =
          (8 * difference(x, kStep) - difference(x, 2 * kStep)) /
          (12 * static_cast<double>(kStep));
      ASSERT_NEAR(exact[static_cast<size_t>(i)], slope, kDifferenceError)
          << name << ", element " << i << " of " << to_string(input.shape());
    }
  }

  GradientCase case_;
  Tensor q_;
  Tensor k_;
  Tensor v_;
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_GRADIENT_CHECK_H_
