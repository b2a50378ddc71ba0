// maskwise bench --serve: timing on request, so that another program can take
// its own samples in turn with ours.
#ifndef MASKWISE_CLI_BENCH_SERVE_H_
#define MASKWISE_CLI_BENCH_SERVE_H_

#include <cstdint>
#include <vector>

#include "bench_call.h"
#include "bench_case.h"
#include "bench_measure.h"

namespace maskwise::cli {

// Says "ready", and answers each line of standard input until it ends: "call N"
// runs `own` N times, "loop N" the other, where there is one, and the answer is
// the milliseconds of one. "probe" answers with the GFLOP/s of the two probes.
// Throws Error for any other line.
void answer_calls(const Subject& own, const Subject& loop,
                  const BenchPlace& place);

// Prepares the case and answers: "loop" is one dense call for each of its
// parts. Throws Error unless there is exactly one case.
void serve(const std::vector<BenchCase>& cases, const BenchPlace& place,
           int64_t memory_cap);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_SERVE_H_
