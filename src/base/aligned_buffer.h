// The only place that takes raw memory: 64-byte aligned, shared.
#ifndef MASKWISE_BASE_ALIGNED_BUFFER_H_
#define MASKWISE_BASE_ALIGNED_BUFFER_H_

#include <cstdint>
#include <memory>

namespace maskwise::detail {

// One cache line, and the width of the widest vector register.
inline constexpr int64_t kAlignment = 64;

// What fresh memory holds.
enum class Contents { zeros, anything };

// `bytes` bytes at an address that is a multiple of kAlignment (a real address
// also for 0 bytes). Throws Error (limit) when the memory cannot be had.
std::shared_ptr<void> make_aligned_buffer(int64_t bytes,
                                          Contents contents = Contents::zeros);

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_ALIGNED_BUFFER_H_
