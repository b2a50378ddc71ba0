// Bound words whose rows each see one interval of keys, both ends of which
// only move right as the query does.
#ifndef MASKWISE_MASK_MONOTONE_H_
#define MASKWISE_MASK_MONOTONE_H_

#include "mask/intervals.h"
#include "mask/node.h"

namespace maskwise::detail {

class MonotoneBound : public BoundNode {
 public:
  using BoundNode::BoundNode;

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const final {
    append_interval(out, clip(row_interval(row.batch, row.q), range));
  }

  // The ends ascend, so the first and the last row bound all between.
  BlockKeys block_keys(const RowRange& rows) const final {
    const KeyInterval first = row_interval(rows.batch, rows.q_begin);
    const KeyInterval last = row_interval(rows.batch, rows.q_end - 1);
    BlockKeys keys;
    append_interval(keys.some, {first.begin, last.end});
    append_interval(keys.every, {last.begin, first.end});
    return keys;
  }

 protected:
  // The row's keys, in [0, Lk].
  virtual KeyInterval row_interval(int64_t batch, int64_t q) const = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_MONOTONE_H_
