#include "backend/cpu/probe.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <vector>

#include "backend/cpu/kernel_table.h"
#include "backend/cpu/workers.h"
#include "base/aligned_buffer.h"
#include "base/fp_environment.h"

namespace maskwise::detail {
namespace {

using Clock = std::chrono::steady_clock;

// Of 2 ms a slice is 250 us: shorter than what a scheduler takes away at once,
// and a thousand times what reading the clock costs.
constexpr int kSlices = 8;
// Work that takes longer than that is still done twice: the first time the
// caches may hold something else.
constexpr int kFewestSlices = 2;

// The largest work() ÷ time of some slices; work() returns what it did.
template <typename Work>
double best_rate(double seconds, Work work) {
  double best = 0;
  double total = 0;
  for (int slice = 0; slice < kFewestSlices || total < seconds; ++slice) {
    const Clock::time_point begin = Clock::now();
    double done = 0;
    double spent = 0;
    while (spent < seconds / kSlices) {
      done += work();
      spent = std::chrono::duration<double>(Clock::now() - begin).count();
    }
    best = std::max(best, done / spent);
    total += spent;
  }
  return best;
}

// The sum of rate(i, threads) over the threads, on all of them at once.
template <typename Rate>
double sum_over_threads(const CpuOptions& options, Rate rate) {
  const int64_t threads = usable_threads(options.threads);
  std::vector<double> rates(static_cast<size_t>(threads));
  run_workers(threads, [&](int64_t i) {
    rates[static_cast<size_t>(i)] = rate(i, threads);
  });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

double tile_rate(const KernelTable& kernels, double seconds) {
  constexpr int64_t kRight =
      ProbeOperands::kDepth * ProbeOperands::kMostColumns;
  constexpr int64_t kLeft = ProbeOperands::kDepth * ProbeOperands::kMostRows;
  constexpr int64_t kBytes = (kRight + kLeft) * int64_t{sizeof(float)};
  const std::shared_ptr<void> memory = make_aligned_buffer(kBytes);
  auto* const right = static_cast<float*>(memory.get());
  std::fill_n(right, kRight + kLeft, 1.0F / 64);
  const ProbeOperands operands = {.left = right + kRight, .right = right};
  constexpr int64_t kRounds = 8;  // 50 to 200 KiFLOP between looks at the clock
  return best_rate(seconds,
                   [&] { return kernels.probe_tile(operands, kRounds); });
}

}  // namespace

double register_flops(const CpuOptions& options, double seconds) {
  const KernelTable& kernels = kernels_of(options.isa);
  constexpr int64_t kRounds = 1000;
  return sum_over_threads(options, [&](int64_t, int64_t) {
    return best_rate(seconds, [&] { return kernels.probe_registers(kRounds); });
  });
}

double tile_flops(const CpuOptions& options, double seconds) {
  const KernelTable& kernels = kernels_of(options.isa);
  return sum_over_threads(
      options, [&](int64_t, int64_t) { return tile_rate(kernels, seconds); });
}

double read_bytes(const float* data, int64_t count, const CpuOptions& options,
                  double seconds) {
  if (count == 0) return 0;
  const KernelTable& kernels = kernels_of(options.isa);
  // Small pieces are read again and again between looks at the clock.
  constexpr int64_t kFewest = 65536;
  return sum_over_threads(options, [&](int64_t i, int64_t threads) {
    const int64_t begin = count / threads * i;
    const int64_t end = i + 1 == threads ? count : count / threads * (i + 1);
    if (begin == end) return 0.0;
    const int64_t passes = kFewest / (end - begin) + 1;
    return best_rate(seconds, [&] {
      for (int64_t pass = 0; pass < passes; ++pass) {
        kernels.probe_read(data + begin, end - begin);
      }
      return static_cast<double>(passes * (end - begin)) * sizeof(float);
    });
  });
}

}  // namespace maskwise::detail
