// How many threads a call may take, and how it takes them.
#ifndef MASKWISE_BACKEND_CPU_WORKERS_H_
#define MASKWISE_BACKEND_CPU_WORKERS_H_

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>

#include <algorithm>
#include <cstdint>
#include <optional>

namespace maskwise::detail {

// As many threads as asked for of those that the process may use.
inline int64_t usable_threads(std::optional<int> asked) {
  const auto most = static_cast<int>(tbb::global_control::active_value(
      tbb::global_control::max_allowed_parallelism));
  return std::min(asked.value_or(most), most);
}

// The same for a call of that many multiply-adds: a small one is over before
// threads have woken up.
inline int64_t threads_for(double multiply_adds, std::optional<int> asked) {
  constexpr double kSmallCall = 500000;
  return multiply_adds < kSmallCall ? 1 : usable_threads(asked);
}

// Calls work(i) for each worker i < workers, at once; one works on the caller's
// thread.
template <typename Work>
void run_workers(int64_t workers, Work work) {
  if (workers <= 1) {
    work(int64_t{0});
    return;
  }
  tbb::parallel_for(
      tbb::blocked_range<int64_t>(0, workers, 1),
      [&](const tbb::blocked_range<int64_t>& range) { work(range.begin()); },
      tbb::simple_partitioner());
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_WORKERS_H_
