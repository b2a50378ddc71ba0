// How maskwise bench measures: probes beside every sample, samples of what is
// compared taken in turn.
#ifndef MASKWISE_CLI_BENCH_MEASURE_H_
#define MASKWISE_CLI_BENCH_MEASURE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// What the processor could do at one moment.
struct ProbeReading {
  double registers = 0;  // GFLOP/s
  double tile = 0;       // GFLOP/s
  double read = 0;       // GB/s; 0 unless asked for
};

struct CallTime {
  double ms = 0;
  double cpu_ms = 0;  // of all threads; less than ms x threads: they waited
};

struct BenchSample {
  CallTime time;
  ProbeReading probes;  // the mean of right before and right after

  // Whether neighbours left the core alone.
  bool quiet() const;
};

using BenchSamples = std::vector<BenchSample>;

// What is measured: a call, or some in a row.
using Subject = std::function<void()>;

// Of one call, as the mean of `calls`.
CallTime time_calls(const Subject& subject, int64_t calls);

// How many calls make a sample: about 10 ms of them, at least one. Runs the
// subject once or twice, which also warms it up.
int64_t calls_of_sample(const Subject& subject);

class BenchMeter {
 public:
  // `data` is read by the third probe; not defined: there is none.
  BenchMeter(const ProbeOptions& options, const TensorView& data)
      : options_(options), data_(data) {}

  // `count` samples of each subject, in turn.
  std::vector<BenchSamples> samples(const std::vector<Subject>& subjects,
                                    int64_t count) const;

 private:
  ProbeReading probe() const;

  ProbeOptions options_;
  TensorView data_;
};

// The middle one, or the mean of the two in the middle; NaN for none.
double median(std::vector<double> values);

// value(sample) of every sample.
template <typename Value>
std::vector<double> each(const BenchSamples& samples, Value value) {
  std::vector<double> values;
  for (const BenchSample& sample : samples) values.push_back(value(sample));
  return values;
}

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_BENCH_MEASURE_H_
