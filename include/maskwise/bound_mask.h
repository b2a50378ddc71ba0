// A mask that has met its shape: what it allows, pair by pair and as
// intervals of keys, and what people ask of it.
#ifndef MASKWISE_BOUND_MASK_H_
#define MASKWISE_BOUND_MASK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/tensor.h"

namespace maskwise {

namespace detail {
class BoundNode;
}
class Mask;

// The shape of one attention call: scores are [batch, heads, q_len, kv_len].
struct AttentionShape {
  int64_t batch = 1;
  int64_t heads = 1;
  int64_t q_len = 0;
  int64_t kv_len = 0;

  bool operator==(const AttentionShape&) const = default;
};

// "[2, 4, 12, 12]".
std::string to_string(const AttentionShape& shape);

// Keys begin <= k < end.
struct KeyInterval {
  int64_t begin = 0;
  int64_t end = 0;

  bool operator==(const KeyInterval&) const = default;
};

// Ascending, disjoint, not touching, none empty.
using KeyIntervals = std::vector<KeyInterval>;

// What a block of rows sees, as bounds: a key outside `some` is seen by no
// row, a key inside `every` by all rows; in between, ask the rows.
struct BlockKeys {
  KeyIntervals some;
  KeyIntervals every;
};

// One (batch, head, query, key) pair.
struct PairIndex {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t q = 0;
  int64_t k = 0;

  bool operator==(const PairIndex&) const = default;
};

// Rows (b, h, q) that see no key: how many, and the first of them (k is 0).
struct RowsWithoutKeys {
  int64_t count = 0;
  std::optional<PairIndex> first;
};

// A clause of the expression at one pair: its text, whether it allows the
// pair, why in words, and the clauses that it is made of.
struct Clause {
  std::string text;
  bool allowed = false;
  std::string reason;
  std::vector<Clause> children;
};

// Immutable and cheap to copy; safe to read from many threads. A move copies,
// so what was moved from still works. The two readings, allowed() and the
// intervals, are independent implementations of one meaning; the tests hold one
// against the other. What asks about a row or pair throws Error when that lies
// outside the shape.
class BoundMask {
 public:
  BoundMask(const BoundMask&) = default;
  BoundMask& operator=(const BoundMask&) = default;

  const AttentionShape& shape() const { return shape_; }
  const Mask& mask() const { return *mask_; }

  // Reading one: whether query q of head h may attend to key k.
  bool allowed(int64_t b, int64_t h, int64_t q, int64_t k) const;

  // Reading two, by row: the keys that (b, h, q) sees.
  KeyIntervals row_keys(int64_t b, int64_t h, int64_t q) const;

  // The same limited to keys in `range`, into `out` (cleared first).
  void row_keys(int64_t b, int64_t h, int64_t q, KeyInterval range,
                KeyIntervals& out) const;

  // Reading two, by block: bounds for rows q_begin <= q < q_end.
  BlockKeys block_keys(int64_t b, int64_t h, int64_t q_begin,
                       int64_t q_end) const;

  // For each (b, h), in order, a number: equal numbers mean equal masks.
  // Numbers count from 0 in the order of their first appearance.
  std::vector<int32_t> slice_ids() const;

  // The keys that (b, h, q) sees, one by one.
  std::vector<int64_t> visible_keys(int64_t b, int64_t h, int64_t q) const;

  // How many pairs are allowed, over all batch items and heads.
  int64_t visible_pairs() const;

  RowsWithoutKeys rows_without_keys() const;

  // The mask as bool [B, H, Lq, Lk]. Throws Error (limit) when it would take
  // more than `cap_bytes`.
  Tensor to_dense(int64_t cap_bytes = int64_t{1} << 28) const;

  // This mask and the boolean tensor `allowed` (as allow() takes it) together.
  BoundMask restricted_to(const TensorView& allowed) const;

  // Which clauses allow or forbid the pair, and why.
  Clause clause(const PairIndex& pair) const;

  // For the library's own layers.
  BoundMask(const Mask& mask, const AttentionShape& shape,
            std::shared_ptr<const detail::BoundNode> node);
  const detail::BoundNode& node() const { return *node_; }

 private:
  AttentionShape shape_;
  std::shared_ptr<const Mask> mask_;
  std::shared_ptr<const detail::BoundNode> node_;
};

// Where two masks of one shape differ: how many pairs, and the first.
struct MaskDiff {
  int64_t count = 0;
  std::optional<PairIndex> first;
  bool first_allowed_by_a = false;
};

// Throws Error when the shapes differ.
MaskDiff diff(const BoundMask& a, const BoundMask& b);
MaskDiff diff(const Mask& a, const Mask& b, const AttentionShape& shape);

// Something about a mask that is legal and probably not meant.
enum class WarningKind {
  rows_without_keys,
  pad_inside_sequence,
  all_padding,
  forbids_everything,
  forbids_nothing,
  polarity_looks_inverted,
  window_open_ahead,
};

// "rows_without_keys", ...
std::string_view name_of(WarningKind kind);

struct MaskWarning {
  WarningKind kind;
  std::string message;  // one line for people
  int64_t count = 0;    // rows, pads or batch items concerned
};

// At most one warning of each kind. `token_ids` [B, Lk] (i32 or i64), where
// given, tells which keys are padding when the mask does not say so itself.
std::vector<MaskWarning> warnings(const BoundMask& mask,
                                  const TensorView& token_ids = {},
                                  int64_t pad = 0);
std::vector<MaskWarning> warnings(const Mask& mask,
                                  const AttentionShape& shape);

}  // namespace maskwise

#endif  // MASKWISE_BOUND_MASK_H_
