// Where two masks differ.
#include <algorithm>

#include "base/fail.h"
#include "mask/intervals.h"
#include "maskwise/bound_mask.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

// Keys that exactly one of the two lists holds.
KeyIntervals symmetric_difference(const KeyIntervals& a, const KeyIntervals& b,
                                  KeyInterval range) {
  return detail::union_of(
      detail::intersection(a, detail::complement(b, range)),
      detail::intersection(b, detail::complement(a, range)));
}

}  // namespace

MaskDiff diff(const BoundMask& a, const BoundMask& b) {
  const AttentionShape& shape = a.shape();
  if (shape != b.shape()) {
    detail::fail(ErrorCode::shape_mismatch, "diff",
                 "expected two masks of one shape, got {} and {}",
                 to_string(shape), to_string(b.shape()));
  }
  MaskDiff result;
  for (int64_t i = 0; i < shape.batch; ++i) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) {
        const KeyIntervals differing = symmetric_difference(
            a.row_keys(i, h, q), b.row_keys(i, h, q), {0, shape.kv_len});
        if (differing.empty()) continue;
        result.count += detail::count_keys(differing);
        if (result.first) continue;
        result.first = PairIndex{i, h, q, differing[0].begin};
        result.first_allowed_by_a = a.allowed(i, h, q, differing[0].begin);
      }
    }
  }
  return result;
}

MaskDiff diff(const Mask& a, const Mask& b, const AttentionShape& shape) {
  return diff(a.bind(shape), b.bind(shape));
}

}  // namespace maskwise
