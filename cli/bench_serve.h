// maskwise bench --serve: timing on request, so that another program can take
// its own samples in turn with ours.
#ifndef MASKWISE_CLI_BENCH_SERVE_H_
#define MASKWISE_CLI_BENCH_SERVE_H_

#include <cstdint>
#include <vector>

#include "bench_call.h"
#include "bench_case.h"

namespace maskwise::cli {

// Prepares the case, says "ready", and answers each line of standard input
// until it ends: "call N" runs the case N times, "loop N" its dense calls, and
// the answer is the milliseconds of one. "probe" answers with the GFLOP/s of
// the two probes. Throws Error for any other line, or unless there is exactly
// one case.
void serve(const std::vector<BenchCase>& cases, const BenchPlace& place,
           int64_t memory_cap);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_SERVE_H_
