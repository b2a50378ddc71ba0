// Which (batch, head) share one mask, so that it is drawn once.
#ifndef MASKWISE_INSPECT_GRID_SLICES_H_
#define MASKWISE_INSPECT_GRID_SLICES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// One [Lq, Lk] mask and the (batch, head) that have it.
struct GridSlice {
  int64_t batch = 0;  // the first of them
  int64_t head = 0;
  KeyIntervals users;         // all of them, as b * H + h
  int64_t visible_pairs = 0;  // in one of them
};

// The different masks of the batch items and heads asked for, in order of
// their first user. Compared by what they allow, not by how they are said.
// Throws Error when the item or head lies outside the shape. Cost: each row's
// intervals, once or twice.
std::vector<GridSlice> grid_slices(const BoundMask& mask,
                                   std::optional<int64_t> batch = {},
                                   std::optional<int64_t> head = {});

// Whether the mask differs between heads of one batch item; between batch items
// of one head. `slices` are all of a mask of this shape.
bool varies_over_heads(const std::vector<GridSlice>& slices,
                       const AttentionShape& shape);
bool varies_over_batch(const std::vector<GridSlice>& slices,
                       const AttentionShape& shape);

// "batch 0-1, heads 0-3; batch 2, head 0". `heads` is H.
std::string describe_users(const GridSlice& slice, int64_t heads);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_GRID_SLICES_H_
