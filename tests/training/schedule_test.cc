#include "maskwise/nn/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::learning_rate;
using nn::ScheduleKind;
using nn::ScheduleOptions;

constexpr ScheduleKind kKinds[] = {ScheduleKind::constant,
                                   ScheduleKind::inverse_square_root,
                                   ScheduleKind::cosine};

// A few roundings in double.
constexpr double kTolerance = 1e-15;

TEST(LearningRate, RisesInAStraightLineToThePeak) {
  for (const ScheduleKind kind : kKinds) {
    const ScheduleOptions options = {kind, 0.5, 0.25};
    EXPECT_EQ(learning_rate(options, 0.0), 0);
    EXPECT_EQ(learning_rate(options, 0.125), 0.25);
    EXPECT_EQ(learning_rate(options, 0.25), 0.5);
  }
}

// Equation 3 of the paper, with 512 features and 4000 updates of warm-up.
TEST(LearningRate, IsThatOfAttentionIsAllYouNeed) {
  const ScheduleOptions options = {ScheduleKind::inverse_square_root,
                                   1 / std::sqrt(512.0 * 4000), 0.04};
  for (const int update : {1, 100, 3999, 4000, 4001, 50000, 100000}) {
    const double expected =
        std::pow(512, -0.5) *
        std::min(std::pow(update, -0.5), update * std::pow(4000, -1.5));
    EXPECT_NEAR(learning_rate(options, update, 100000), expected, kTolerance);
  }
}

TEST(LearningRate, FallsAsHalfACosineToTheFloor) {
  const ScheduleOptions options = {ScheduleKind::cosine, 1, 0.2, 0.1};
  for (int i = 0; i <= 100; ++i) {
    const double done = i / 100.0;
    const double expected =
        0.1 + 0.9 * (1 + std::cos(std::numbers::pi * done)) / 2;
    EXPECT_NEAR(learning_rate(options, 0.2 + 0.8 * done), expected, kTolerance);
  }
  EXPECT_EQ(learning_rate(options, 1.0), 0.1);
  EXPECT_EQ(learning_rate(options, 7.0), 0.1);
  EXPECT_EQ(learning_rate({ScheduleKind::cosine, 1, 0}, 0.0), 1);
}

TEST(LearningRate, StaysWhereItIsConstant) {
  const ScheduleOptions options = {ScheduleKind::constant, 0.3, 0};
  for (const double s : {0.0, 0.5, 1.0, 9.0}) {
    EXPECT_EQ(learning_rate(options, s), 0.3);
  }
}

// The same course for a budget that is ten times as large.
TEST(LearningRate, ScalesToTheBudget) {
  for (const ScheduleKind kind : kKinds) {
    const ScheduleOptions options = {kind};
    for (const int update : {1, 9, 10, 11, 64, 100}) {
      EXPECT_EQ(learning_rate(options, update, 100),
                learning_rate(options, 10 * update, 1000));
    }
  }
}

TEST(LearningRate, RefusesWhatCannotBe) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  const auto refuses = [](const std::string& fragment, ScheduleOptions options,
                          double s = 0.5) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "[learning_rate] " + fragment,
                             [&] { learning_rate(options, s); }));
  };
  for (const double bad : {-1.0, nan, inf}) {
    refuses("peak is", {.peak = bad});
    refuses("the part of the budget is", {}, bad);
  }
  for (const double bad : {-0.1, 1.0, nan}) {
    refuses("warmup is", {.warmup = bad});
  }
  refuses("warmup is 0; inverse_square_root", {.warmup = 0});
  for (const double bad : {-1.0, 2e-3, nan})
    refuses("floor is", {.floor = bad});
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "update 0 of 3",
                           [] { learning_rate({}, 0, 3); }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "update 1 of 0",
                           [] { learning_rate({}, 1, 0); }));
}

}  // namespace
}  // namespace maskwise::testing
