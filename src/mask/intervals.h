// Merges of ascending lists of disjoint key intervals.
#ifndef MASKWISE_MASK_INTERVALS_H_
#define MASKWISE_MASK_INTERVALS_H_

#include <cstdint>

#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// Appends [begin, end) at the end of `list`, joining it with the last interval
// when they touch; an empty one is dropped. begin must not lie before the last
// interval.
void append_interval(KeyIntervals& list, KeyInterval interval);

// The part of `interval` that lies in `range`; empty parts have begin == end.
KeyInterval clip(KeyInterval interval, KeyInterval range);

// Appends the parts of the intervals of `list` that lie in `range`.
void append_clipped(const KeyIntervals& list, KeyInterval range,
                    KeyIntervals& out);

KeyIntervals intersection(const KeyIntervals& a, const KeyIntervals& b);
KeyIntervals union_of(const KeyIntervals& a, const KeyIntervals& b);

// The keys of `range` that `list` does not hold; `list` lies in `range`.
KeyIntervals complement(const KeyIntervals& list, KeyInterval range);

int64_t count_keys(const KeyIntervals& list);

// The maximal intervals of 0 <= k < count for which holds(k) is true.
template <typename Predicate>
KeyIntervals intervals_where(int64_t count, Predicate holds) {
  KeyIntervals list;
  for (int64_t k = 0; k < count; ++k) {
    if (holds(k)) append_interval(list, {k, k + 1});
  }
  return list;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_INTERVALS_H_
