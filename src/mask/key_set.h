// Bound words that allow the same keys for every query of a batch item.
#ifndef MASKWISE_MASK_KEY_SET_H_
#define MASKWISE_MASK_KEY_SET_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "mask/intervals.h"
#include "mask/node.h"

namespace maskwise::detail {

// Key lists by class; batch items of one class see the same keys.
class KeySetBound : public BoundNode {
 public:
  KeySetBound(const Node& node, std::vector<int32_t> classes)
      : BoundNode(node), classes_(std::move(classes)) {}

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const final {
    append_clipped(keys_of(row.batch), range, out);
  }

  BlockKeys block_keys(const RowRange& rows) const final {
    return {keys_of(rows.batch), keys_of(rows.batch)};
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const final {
    key.push_back(class_of(batch));
  }

 protected:
  // Fills the lists; `keys(batch)` is called once for each class.
  template <typename Keys>
  void build(Keys keys) {
    for (size_t b = 0; b < classes_.size(); ++b) {
      const auto wanted = static_cast<size_t>(classes_[b]);
      if (wanted == by_class_.size()) {
        by_class_.push_back(keys(static_cast<int64_t>(b)));
      }
    }
  }

 private:
  int32_t class_of(int64_t batch) const {
    return classes_[static_cast<size_t>(batch)];
  }
  const KeyIntervals& keys_of(int64_t batch) const {
    return by_class_[static_cast<size_t>(class_of(batch))];
  }

  std::vector<int32_t> classes_;  // [B]
  std::vector<KeyIntervals> by_class_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_KEY_SET_H_
