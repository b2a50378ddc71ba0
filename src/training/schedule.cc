#include "maskwise/nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/angles.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "learning_rate";
constexpr double kPi = 3.14159265358979323846;

void check(const ScheduleOptions& options) {
  const auto& [kind, peak, warmup, floor] = options;
  if (!(peak >= 0) || !std::isfinite(peak)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "peak is {}; expected a finite number from 0 on", peak);
  }
  if (!(warmup >= 0) || !(warmup < 1)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "warmup is {}; expected a part of the budget, from 0 on and below 1",
         warmup);
  }
  if (kind == ScheduleKind::inverse_square_root && warmup == 0) {
    fail(ErrorCode::invalid_argument, kOperation,
         "warmup is 0; inverse_square_root is peak sqrt(warmup / s) and needs "
         "one above 0");
  }
  if (!(floor >= 0) || !(floor <= peak)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "floor is {}; expected a number from 0 to the peak, {}", floor, peak);
  }
}

}  // namespace

double learning_rate(const ScheduleOptions& options, double s) {
  check(options);
  if (!(s >= 0) || !std::isfinite(s)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the part of the budget is {}; expected a finite number from 0 on", s);
  }
  const maskwise::detail::FpEnvironment environment;
  const auto& [kind, peak, warmup, floor] = options;
  if (s < warmup) return peak * (s / warmup);
  if (kind == ScheduleKind::constant) return peak;
  if (kind == ScheduleKind::inverse_square_root) {
    return peak * std::sqrt(warmup / s);
  }
  if (s >= 1) return floor;
  const double done = (s - warmup) / (1 - warmup);
  // (1 + cos(pi done)) / 2.
  const double share = 0.5 - 0.5 * detail::sine_cosine(kPi * (done - 0.5)).sine;
  return floor + (peak - floor) * std::clamp(share, 0.0, 1.0);
}

double learning_rate(const ScheduleOptions& options, int64_t update,
                     int64_t updates) {
  if (update < 1 || updates < 1) {
    fail(ErrorCode::invalid_argument, kOperation,
         "update {} of {}; expected both to be at least 1", update, updates);
  }
  return learning_rate(
      options, static_cast<double>(update) / static_cast<double>(updates));
}

}  // namespace maskwise::nn
