// The logarithm of the softmax of a row, and what a softmax is made of.
#ifndef MASKWISE_LAYERS_LOG_SOFTMAX_H_
#define MASKWISE_LAYERS_LOG_SOFTMAX_H_

#include <cstdint>

#include "backend/cpu/kernel_table.h"

namespace maskwise::nn::detail {

// What is subtracted from each number of a row: x becomes
// (x - largest) - log(sum_j e^(x_j - largest)), in nats; at most 0.
struct LogSoftmax {
  float largest = 0;
  float log_sum = 0;  // at least 0, or NaN

  float of(float x) const { return (x - largest) - log_sum; }
};

// What a NaN in a row makes of it.
enum class NanIs {
  contagious,  // all of the row is NaN
  absent,      // as if it were -inf
};

// Of n numbers. The sum is made of 16 chains in double, of every 16th number
// each, added in ascending order, so its bits depend on the row alone. log_sum
// is NaN where the row holds +inf, or nothing but -inf. Under FpEnvironment.
LogSoftmax log_softmax_of(const float* row, int64_t n, NanIs nan_is,
                          const maskwise::detail::KernelTable& kernels);

// Writes e^(x - largest) of each of n numbers; returns their sum, the one of
// log_softmax_of() where NaN is contagious: 0 or NaN where log_sum is NaN.
double write_exponentials(const float* row, int64_t n, float* to,
                          const maskwise::detail::KernelTable& kernels);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_LOG_SOFTMAX_H_
