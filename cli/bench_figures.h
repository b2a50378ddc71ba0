// What samples of a call come to, and how the bench commands print numbers that
// may be missing.
#ifndef MASKWISE_CLI_BENCH_FIGURES_H_
#define MASKWISE_CLI_BENCH_FIGURES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "bench_measure.h"
#include "report.h"

namespace maskwise::cli {

// A number that may be missing; NaN and infinity count as that, too.
using Maybe = std::optional<double>;

// null where it is missing.
Json json_of(const Maybe& value);

// A cell of a table, right-aligned; "-" where it is missing.
std::string cell(const Maybe& value, int width, int digits);

// Medians, unless they say otherwise.
struct SampleFigures {
  double median_ms = 0;
  double min_ms = 0;
  double useful_gflops = 0;
  double probe_gflops = 0;
  double second_probe_gflops = 0;
  double fraction = 0;       // useful_gflops / probe_gflops, over all samples
  double best_fraction = 0;  // the largest
  double cpu_share = 0;      // of the time of all threads
  int64_t quiet_samples = 0;
  Maybe quiet_fraction;  // over the quiet samples
};

// Of one sample at least; `useful_flop`: of one call.
SampleFigures figures_of(const BenchSamples& samples, double useful_flop,
                         int threads);

// Columns of a table, 62 wide: what stands above them, and those of a row; and
// what they mean.
std::string figures_head();
std::string figures_row(const SampleFigures& found);
std::string figures_legend();

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_FIGURES_H_
