// What maskwise bench found, for people and for programs.
#ifndef MASKWISE_CLI_BENCH_REPORT_H_
#define MASKWISE_CLI_BENCH_REPORT_H_

#include <string>

#include "bench_call.h"
#include "bench_case.h"
#include "bench_measure.h"
#include "report.h"
#include "timed_plan.h"

namespace maskwise::cli {

struct BenchResult {
  std::string name;
  BenchShape shape;
  BenchPlace place;
  TimedPlan plan;
  BenchSamples own;
  BenchSamples dense;  // at the same shape, taken in turn; empty if not taken
  BenchSamples loop;   // likewise, of one dense call for each part
  bool reads = false;  // whether reading K and V is what it is measured by
};

// One object, its fields as docs/benchmarks.md explains them; null for what
// was not measured.
Json json_of(const BenchResult& result);

// The table: what stands above rows of that kind, and a row of it. At most
// 100 columns.
std::string table_head(const BenchResult& result);
std::string table_row(const BenchResult& result);
// What the columns mean.
std::string table_legend();

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_REPORT_H_
