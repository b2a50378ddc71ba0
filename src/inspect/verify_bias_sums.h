// What a broadcast bias gets of the gradients of single pairs.
#ifndef MASKWISE_INSPECT_VERIFY_BIAS_SUMS_H_
#define MASKWISE_INSPECT_VERIFY_BIAS_SUMS_H_

#include "maskwise/tensor.h"

namespace maskwise::detail {

// The gradients of pairs, [B, H, Lq, Lk] and 0 where masked, summed to `shape`
// as the row contract says: in each (batch, head) one chain over the axes that
// are broadcast, queries outer, then these sums in ascending order.
Tensor sum_over_pairs(const Tensor& pairs, const Shape& shape);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_BIAS_SUMS_H_
