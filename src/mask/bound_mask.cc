#include "maskwise/bound_mask.h"

#include <map>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "mask/combine.h"
#include "mask/intervals.h"
#include "mask/node.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace {

void check_index(std::string_view axis, int64_t index, int64_t size) {
  if (index >= 0 && index < size) return;
  detail::fail(ErrorCode::invalid_argument, "mask",
               "{} {} lies outside the shape; expected 0 <= {} < {}", axis,
               index, axis, size);
}

void check_row(const AttentionShape& shape, int64_t b, int64_t h, int64_t q) {
  check_index("batch", b, shape.batch);
  check_index("head", h, shape.heads);
  check_index("q", q, shape.q_len);
}

// One (batch, head) of each slice, and how many (batch, head) share it.
struct SliceUse {
  int64_t batch = 0;
  int64_t head = 0;
  int64_t count = 0;
};

std::vector<SliceUse> uses_of_slices(const BoundMask& mask) {
  const std::vector<int32_t> ids = mask.slice_ids();
  std::vector<SliceUse> uses;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    if (id == uses.size()) {
      const auto at = static_cast<int64_t>(i);
      uses.push_back({at / mask.shape().heads, at % mask.shape().heads, 0});
    }
    ++uses[id].count;
  }
  return uses;
}

}  // namespace

std::string to_string(const AttentionShape& shape) {
  return to_string(Shape{shape.batch, shape.heads, shape.q_len, shape.kv_len});
}

BoundMask::BoundMask(const Mask& mask, const AttentionShape& shape,
                     std::shared_ptr<const detail::BoundNode> node)
    : shape_(shape),
      mask_(std::make_shared<const Mask>(mask)),
      node_(std::move(node)) {}

bool BoundMask::allowed(int64_t b, int64_t h, int64_t q, int64_t k) const {
  check_row(shape_, b, h, q);
  check_index("k", k, shape_.kv_len);
  return node_->allowed({b, h, q, k});
}

void BoundMask::row_keys(int64_t b, int64_t h, int64_t q, KeyInterval range,
                         KeyIntervals& out) const {
  check_row(shape_, b, h, q);
  out.clear();
  range = detail::clip(range, {0, shape_.kv_len});
  if (range.begin < range.end) node_->row_keys({b, h, q}, range, out);
}

KeyIntervals BoundMask::row_keys(int64_t b, int64_t h, int64_t q) const {
  KeyIntervals keys;
  row_keys(b, h, q, {0, shape_.kv_len}, keys);
  return keys;
}

BlockKeys BoundMask::block_keys(int64_t b, int64_t h, int64_t q_begin,
                                int64_t q_end) const {
  check_row(shape_, b, h, q_end - 1);
  check_index("q_begin", q_begin, q_end);
  return node_->block_keys({b, h, q_begin, q_end});
}

std::vector<int32_t> BoundMask::slice_ids() const {
  std::map<std::vector<int64_t>, int32_t> known;
  std::vector<int32_t> ids;
  std::vector<int64_t> key;
  for (int64_t b = 0; b < shape_.batch; ++b) {
    for (int64_t h = 0; h < shape_.heads; ++h) {
      key.clear();
      node_->slice_key(b, h, key);
      const auto next = static_cast<int32_t>(known.size());
      ids.push_back(known.try_emplace(key, next).first->second);
    }
  }
  return ids;
}

std::vector<int64_t> BoundMask::visible_keys(int64_t b, int64_t h,
                                             int64_t q) const {
  std::vector<int64_t> keys;
  for (const KeyInterval& interval : row_keys(b, h, q)) {
    for (int64_t k = interval.begin; k < interval.end; ++k) keys.push_back(k);
  }
  return keys;
}

int64_t BoundMask::visible_pairs() const {
  int64_t pairs = 0;
  for (const SliceUse& use : uses_of_slices(*this)) {
    for (int64_t q = 0; q < shape_.q_len; ++q) {
      pairs += use.count * detail::count_keys(row_keys(use.batch, use.head, q));
    }
  }
  return pairs;
}

RowsWithoutKeys BoundMask::rows_without_keys() const {
  RowsWithoutKeys rows;
  for (const SliceUse& use : uses_of_slices(*this)) {
    for (int64_t q = 0; q < shape_.q_len; ++q) {
      if (!row_keys(use.batch, use.head, q).empty()) continue;
      rows.count += use.count;
      if (!rows.first) rows.first = PairIndex{use.batch, use.head, q, 0};
    }
  }
  return rows;
}

Tensor BoundMask::to_dense(int64_t cap_bytes) const {
  const Shape dense = {shape_.batch, shape_.heads, shape_.q_len, shape_.kv_len};
  const int64_t bytes = element_count(dense);
  if (bytes > cap_bytes) {
    detail::fail(ErrorCode::limit, "mask",
                 "the dense mask {} would take {} bytes; expected at most {}",
                 to_string(shape_), bytes, cap_bytes);
  }
  Tensor result(DType::boolean, dense);
  bool* out = result.mutable_data<bool>();
  for (int64_t b = 0; b < shape_.batch; ++b) {
    for (int64_t h = 0; h < shape_.heads; ++h) {
      for (int64_t q = 0; q < shape_.q_len; ++q, out += shape_.kv_len) {
        for (const KeyInterval& keys : row_keys(b, h, q)) {
          std::fill(out + keys.begin, out + keys.end, true);
        }
      }
    }
  }
  return result;
}

// Not operator&, which would refuse one more level on the deepest masks.
BoundMask BoundMask::restricted_to(const TensorView& allowed) const {
  const Mask both(
      detail::combine(detail::Operator::both,
                      {mask_->shared_node(), allow(allowed).shared_node()}));
  return both.bind(shape_);
}

Clause BoundMask::clause(const PairIndex& pair) const {
  check_row(shape_, pair.batch, pair.head, pair.q);
  check_index("k", pair.k, shape_.kv_len);
  return node_->clause(pair);
}

}  // namespace maskwise
