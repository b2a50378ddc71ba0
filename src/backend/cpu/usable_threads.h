// How many threads a call may take.
#ifndef MASKWISE_BACKEND_CPU_USABLE_THREADS_H_
#define MASKWISE_BACKEND_CPU_USABLE_THREADS_H_

#include <oneapi/tbb/global_control.h>

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

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_USABLE_THREADS_H_
