// Memory that a thread keeps from one call to the next.
#ifndef MASKWISE_BACKEND_CPU_KEPT_MEMORY_H_
#define MASKWISE_BACKEND_CPU_KEPT_MEMORY_H_

#include <cstdint>
#include <memory>

#include "base/aligned_buffer.h"

namespace maskwise::detail {

// Made once, and again only when it is too small.
class KeptMemory {
 public:
  void* get(int64_t bytes) {
    if (bytes > size_) {
      memory_ = make_aligned_buffer(bytes);
      size_ = bytes;
    }
    return memory_.get();
  }

 private:
  std::shared_ptr<void> memory_;
  int64_t size_ = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_KEPT_MEMORY_H_
