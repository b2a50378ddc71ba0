// Independent pieces of work over the threads of a call.
#ifndef MASKWISE_INSPECT_VERIFY_THREADS_H_
#define MASKWISE_INSPECT_VERIFY_THREADS_H_

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include <optional>

namespace maskwise::detail {

// Calls body(i) for 0 <= i < count, in any order, on at most `threads` threads
// (all that oneTBB offers when not given). What a body throws is thrown here.
template <typename Body>
void for_each_index(size_t count, std::optional<int> threads, Body body) {
  const auto run = [&] {
    tbb::parallel_for(tbb::blocked_range<size_t>(0, count),
                      [&](const tbb::blocked_range<size_t>& range) {
                        for (size_t i = range.begin(); i < range.end(); ++i) {
                          body(i);
                        }
                      });
  };
  if (!threads) {
    run();
    return;
  }
  // Without it oneTBB prints a warning when there are fewer cores.
  const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                  static_cast<size_t>(*threads));
  tbb::task_arena(*threads).execute(run);
}

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_THREADS_H_
