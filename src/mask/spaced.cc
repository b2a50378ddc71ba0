// The words dilated and chunked: keys chosen by arithmetic on positions.

#include <algorithm>
#include <memory>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"
#include "mask/monotone.h"
#include "mask/node.h"
#include "mask/position.h"

namespace maskwise {
namespace detail {
namespace {

// A list of more windows of keys than this, 16 MiB, is no bound of a block.
constexpr int64_t kMostWindows = int64_t{1} << 20;

// (q + offset - k) mod stride == 0.
class DilatedBound final : public BoundNode {
 public:
  DilatedBound(const Node& node, int64_t stride, std::vector<int64_t> offsets,
               int64_t kv_len)
      : BoundNode(node),
        stride_(stride),
        offsets_(std::move(offsets)),
        kv_len_(kv_len) {}

  bool allowed(const PairIndex& pair) const override {
    return steps(pair) % stride_ == 0;
  }

  void row_keys(const RowIndex& row, KeyInterval range,
                KeyIntervals& out) const override {
    if (stride_ == 1) return append_interval(out, range);
    const int64_t rest = residue(row.batch, row.q);
    append_periodic(rest, 1, range, out);
  }

  // The rows' keys have consecutive residues: a window of them repeats. One
  // row sees each key, none sees all, unless there is one row (or stride 1).
  BlockKeys block_keys(const RowRange& rows) const override {
    const int64_t count = rows.q_end - rows.q_begin;
    const KeyInterval everything{0, kv_len_};
    BlockKeys keys;
    if (stride_ == 1) {
      append_interval(keys.every, everything);
      keys.some = keys.every;
    } else if (count >= stride_ || kv_len_ / stride_ > kMostWindows) {
      append_interval(keys.some, everything);
    } else {
      append_periodic(residue(rows.batch, rows.q_begin), count, everything,
                      keys.some);
      if (count == 1) keys.every = keys.some;
    }
    return keys;
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const override {
    key.push_back(residue(batch, 0));
  }

  std::string reason(const PairIndex& pair) const override {
    const wide_int gap = std::max(steps(pair), -steps(pair));
    return formatted("query {} and key {} are {} apart, {}a multiple of {}",
                     pair.q, pair.k, clamp_wide(gap, 0, INT64_MAX),
                     allowed(pair) ? "" : "not ", stride_);
  }

 private:
  wide_int steps(const PairIndex& pair) const {
    return wide_int{pair.q} + offsets_[static_cast<size_t>(pair.batch)] -
           pair.k;
  }

  int64_t residue(int64_t batch, int64_t q) const {
    return floor_mod(wide_int{q} + offsets_[static_cast<size_t>(batch)],
                     stride_);
  }

  // Appends, limited to `range`, the keys whose residue is one of `count`
  // consecutive ones from `rest` on; count < stride.
  void append_periodic(int64_t rest, int64_t count, KeyInterval range,
                       KeyIntervals& out) const {
    // The last window that begins at or before range.begin.
    wide_int begin =
        floor_div(wide_int{range.begin} - rest, stride_) * stride_ + rest;
    for (; begin < range.end; begin += stride_) {
      append_interval(out, {clamp_wide(begin, range.begin, range.end),
                            clamp_wide(begin + count, range.begin, range.end)});
    }
  }

  int64_t stride_;
  std::vector<int64_t> offsets_;  // [B]
  int64_t kv_len_;
};

// floor((q + offset) / size) == floor(k / size).
class ChunkedBound final : public MonotoneBound {
 public:
  ChunkedBound(const Node& node, int64_t size, std::vector<int64_t> offsets,
               int64_t kv_len)
      : MonotoneBound(node),
        size_(size),
        offsets_(std::move(offsets)),
        kv_len_(kv_len) {}

  bool allowed(const PairIndex& pair) const override {
    return q_chunk(pair.batch, pair.q) == pair.k / size_;
  }

  void slice_key(int64_t batch, int64_t /*head*/,
                 std::vector<int64_t>& key) const override {
    key.push_back(offsets_[static_cast<size_t>(batch)]);
  }

  std::string reason(const PairIndex& pair) const override {
    const int64_t chunk =
        clamp_wide(q_chunk(pair.batch, pair.q), INT64_MIN, INT64_MAX);
    return formatted("query {} lies in chunk {} and key {} in chunk {}", pair.q,
                     chunk, pair.k, pair.k / size_);
  }

 protected:
  KeyInterval row_interval(int64_t batch, int64_t q) const override {
    const wide_int begin = q_chunk(batch, q) * size_;
    return {clamp_wide(begin, 0, kv_len_),
            clamp_wide(begin + size_, 0, kv_len_)};
  }

 private:
  wide_int q_chunk(int64_t batch, int64_t q) const {
    return floor_div(wide_int{q} + offsets_[static_cast<size_t>(batch)], size_);
  }

  int64_t size_;
  std::vector<int64_t> offsets_;  // [B]
  int64_t kv_len_;
};

// The names of a word and of its number: dilated(stride=2), chunked(size=4).
struct SpacedWord {
  std::string_view word;
  std::string_view number;
};

inline constexpr SpacedWord kDilated = {"dilated", "stride"};
inline constexpr SpacedWord kChunked = {"chunked", "size"};

template <typename Bound>
class SpacedNode final : public Node {
 public:
  SpacedNode(const SpacedWord& names, int64_t number, Position position)
      : names_(names), number_(number), position_(std::move(position)) {
    check_position(names_.word, position_);
    if (number_ < 1) {
      fail(ErrorCode::invalid_argument, "mask",
           "{}: {} is {}; expected a number >= 1", names_.word, names_.number,
           number_);
    }
  }

  BoundNodePtr bind(const BindContext& context) const override {
    return std::make_shared<const Bound>(
        *this, number_,
        resolve_offsets(names_.word, position_, context, Unsaid::zero),
        context.shape.kv_len);
  }

  void write(TextWriter& writer) const override {
    writer.open(names_.word);
    writer.argument(names_.number, number_);
    writer.argument(position_);
    writer.close();
  }

  bool same_as(const Node& other) const override {
    const auto& spaced = static_cast<const SpacedNode&>(other);
    return number_ == spaced.number_ &&
           same_position(position_, spaced.position_);
  }

  const Position* said_position() const override {
    return says_something(position_) ? &position_ : nullptr;
  }

 private:
  SpacedWord names_;
  int64_t number_;
  Position position_;
};

}  // namespace
}  // namespace detail

Mask dilated(int64_t stride, const Position& position) {
  return detail::make_word<detail::SpacedNode<detail::DilatedBound>>(
      detail::kDilated, stride, position);
}

Mask chunked(int64_t size, const Position& position) {
  return detail::make_word<detail::SpacedNode<detail::ChunkedBound>>(
      detail::kChunked, size, position);
}

}  // namespace maskwise
