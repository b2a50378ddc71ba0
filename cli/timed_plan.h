// Compiles a mask and says how long it took.
#ifndef MASKWISE_CLI_TIMED_PLAN_H_
#define MASKWISE_CLI_TIMED_PLAN_H_

#include <cstdint>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

struct TimedPlan {
  MaskPlan plan;
  double best_ms = 0;
  int tries = 0;
};

// The best of 5 compilations, or of as many as began within a second.
TimedPlan compile_timed(const BoundMask& mask, int64_t memory_cap);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TIMED_PLAN_H_
