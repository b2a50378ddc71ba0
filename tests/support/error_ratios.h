// Errors of f32 results as parts of what their gates allow.
#ifndef MASKWISE_TESTS_SUPPORT_ERROR_RATIOS_H_
#define MASKWISE_TESTS_SUPPORT_ERROR_RATIOS_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace maskwise::testing {

class Ratios {
 public:
  void add(double error, double allowed) {
    const double ratio = error == 0 ? 0 : error / allowed;
    worst_ = std::max(worst_, std::fabs(ratio));
    sum_ += ratio;
    squares_ += ratio * ratio;
    ++count_;
  }

  void expect_within_gate(const char* name) const {
    const auto n = static_cast<double>(count_);
    std::printf(
        "%s: %lld elements, |error| / gate: worst %.4f, rms %.5f, mean "
        "signed %+.6f\n",
        name, static_cast<long long>(count_), worst_, std::sqrt(squares_ / n),
        sum_ / n);
    EXPECT_LE(worst_, 1) << name;
    EXPECT_GT(worst_, 0) << name;  // f32 cannot be that good
  }

 private:
  double worst_ = 0;
  double sum_ = 0;
  double squares_ = 0;
  int64_t count_ = 0;
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ERROR_RATIOS_H_
