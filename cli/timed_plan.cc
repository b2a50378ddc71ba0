#include "timed_plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>

#include "flags.h"

namespace maskwise::cli {
namespace {

// The best of so many compilations is reported; no more are begun once they
// have taken so long.
constexpr int kMostTries = 5;
constexpr double kLongEnough = 1000;  // ms

}  // namespace

TimedPlan compile_timed(const BoundMask& mask, int64_t memory_cap) {
  std::optional<MaskPlan> plan;
  double best = std::numeric_limits<double>::infinity();
  double all = 0;
  int tries = 0;
  while (tries == 0 || (tries < kMostTries && all < kLongEnough)) {
    const auto start = std::chrono::steady_clock::now();
    plan = compile_under(memory_cap, mask);
    const std::chrono::duration<double, std::milli> spent =
        std::chrono::steady_clock::now() - start;
    best = std::min(best, spent.count());
    all += spent.count();
    ++tries;
  }
  return {*plan, best, tries};
}

}  // namespace maskwise::cli
