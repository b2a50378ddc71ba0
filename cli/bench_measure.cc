#include "bench_measure.h"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limits>

namespace maskwise::cli {
namespace {

// Long enough for the clock, short enough that the probes before and after
// tell of the same moment.
constexpr double kSampleMs = 10;
constexpr int64_t kMostCalls = 100000;

// A phase is quiet when the tile, which neighbours slow down first, reaches
// this much of the registers.
constexpr double kQuiet = 0.9;

ProbeReading mean(const ProbeReading& a, const ProbeReading& b) {
  return {(a.registers + b.registers) / 2, (a.tile + b.tile) / 2,
          (a.read + b.read) / 2};
}

}  // namespace

bool BenchSample::quiet() const {
  return probes.tile > kQuiet * probes.registers;
}

CallTime time_calls(const Subject& subject, int64_t calls) {
  const std::clock_t cpu_begin = std::clock();
  const auto begin = std::chrono::steady_clock::now();
  for (int64_t i = 0; i < calls; ++i) subject();
  const std::chrono::duration<double, std::milli> spent =
      std::chrono::steady_clock::now() - begin;
  const double cpu_ms = 1e3 * static_cast<double>(std::clock() - cpu_begin) /
                        static_cast<double>(CLOCKS_PER_SEC);
  const auto count = static_cast<double>(calls);
  return {spent.count() / count, cpu_ms / count};
}

int64_t calls_of_sample(const Subject& subject) {
  double ms = time_calls(subject, 1).ms;
  if (ms >= kSampleMs) return 1;
  ms = time_calls(subject, 1).ms;
  constexpr double kShortest = kSampleMs / kMostCalls;
  return std::max<int64_t>(
      1, static_cast<int64_t>(kSampleMs / std::max(ms, kShortest)));
}

ProbeReading BenchMeter::probe() const {
  ProbeReading reading = {.registers = register_gflops(options_),
                          .tile = tile_gflops(options_)};
  if (data_.defined()) reading.read = read_gbytes(data_, options_);
  return reading;
}

std::vector<BenchSamples> BenchMeter::samples(
    const std::vector<Subject>& subjects, int64_t count) const {
  std::vector<int64_t> calls;
  for (const Subject& subject : subjects) {
    calls.push_back(calls_of_sample(subject));
  }
  std::vector<BenchSamples> all(subjects.size());
  ProbeReading before = probe();
  for (int64_t i = 0; i < count; ++i) {
    for (size_t s = 0; s < subjects.size(); ++s) {
      const CallTime time = time_calls(subjects[s], calls[s]);
      const ProbeReading after = probe();
      all[s].push_back({time, mean(before, after)});
      before = after;
    }
  }
  return all;
}

double median(std::vector<double> values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

}  // namespace maskwise::cli
