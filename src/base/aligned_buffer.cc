#include "base/aligned_buffer.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/fail.h"

namespace maskwise::detail {
namespace {

// Memory of at least so many pages of 2 MiB is aligned to them, and they are
// asked for: reading needs a five-hundredth of the address translations.
constexpr size_t kLargePage = size_t{1} << 21;
constexpr size_t kFewestLargePages = 2;

// Null when the memory cannot be had.
void* allocate(size_t bytes) {
#if defined(MADV_HUGEPAGE)
  if (bytes >= kFewestLargePages * kLargePage) {
    const size_t whole = (bytes + kLargePage - 1) / kLargePage * kLargePage;
    void* const memory = std::aligned_alloc(kLargePage, whole);
    if (memory != nullptr) ::madvise(memory, whole, MADV_HUGEPAGE);
    return memory;
  }
#endif
  return std::aligned_alloc(static_cast<size_t>(kAlignment), bytes);
}

}  // namespace

std::shared_ptr<void> make_aligned_buffer(int64_t bytes, Contents contents) {
  MASKWISE_DCHECK(bytes >= 0);
  constexpr int64_t kLargest = INT64_MAX - kAlignment;
  void* memory = nullptr;
  if (bytes <= kLargest) {
    // aligned_alloc wants a whole number of lines, and at least one.
    const int64_t lines = bytes / kAlignment + 1;
    memory = allocate(static_cast<size_t>(lines * kAlignment));
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
