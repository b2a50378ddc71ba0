#include "base/aligned_buffer.h"

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/fail.h"

namespace maskwise::detail {

std::shared_ptr<void> make_aligned_buffer(int64_t bytes, Contents contents) {
  MASKWISE_DCHECK(bytes >= 0);
  constexpr int64_t kLargest = INT64_MAX - kAlignment;
  void* memory = nullptr;
  if (bytes <= kLargest) {
    // aligned_alloc wants a whole number of lines, and at least one.
    const int64_t lines = bytes / kAlignment + 1;
    memory = std::aligned_alloc(static_cast<size_t>(kAlignment),
                                static_cast<size_t>(lines * kAlignment));
  }
  if (memory == nullptr) {
    fail(ErrorCode::limit, "memory",
         "cannot allocate {} bytes; expected a tensor that fits in memory",
         bytes);
  }
  if (contents == Contents::zeros) {
    std::memset(memory, 0, static_cast<size_t>(bytes));
  }
  return std::shared_ptr<void>(memory, std::free);
}

}  // namespace maskwise::detail
