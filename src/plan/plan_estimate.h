// How much memory a plan may take, before any of it is taken.
#ifndef MASKWISE_PLAN_PLAN_ESTIMATE_H_
#define MASKWISE_PLAN_PLAN_ESTIMATE_H_

#include <cstdint>
#include <vector>

#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// The (batch, head) pairs of each different mask, as batch * heads + head.
using SliceUses = std::vector<std::vector<int32_t>>;

// Throws Error (limit), with the estimate, when the plan of `mask` may take
// more than `cap` bytes: a bitmap word for each key that some but not all rows
// of a block may see. Cost: nothing for small shapes, else one look at the
// bounds of some thousand blocks, and it stops when the cap is passed.
void check_estimate(const BoundMask& mask, const SliceUses& uses, int64_t cap);

// The same Error when the `share` of the plan that is built takes more than
// `cap` bytes: rows whose folds lie far apart need several words for a key,
// which the estimate does not foresee.
void check_stored(const BoundMask& mask, int64_t bytes, double share,
                  int64_t cap);

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_PLAN_ESTIMATE_H_
