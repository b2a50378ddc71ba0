#include "maskwise/mask.h"

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "mask/combine.h"
#include "mask/node.h"

namespace maskwise {
namespace {

// Plans count keys and rows in 32 bits.
constexpr int64_t kLongest = INT32_MAX - 1;

// Words, plans and readers keep a few numbers for each (batch, head).
constexpr int64_t kMostHeads = int64_t{1} << 24;

void check_axis(std::string_view name, int64_t size) {
  if (size >= 0 && size <= kLongest) return;
  detail::fail(ErrorCode::invalid_argument, "mask",
               "the shape has {} = {}; expected 0 to {}", name, size, kLongest);
}

void check_shape(const AttentionShape& shape) {
  check_axis("batch", shape.batch);
  check_axis("heads", shape.heads);
  check_axis("q_len", shape.q_len);
  check_axis("kv_len", shape.kv_len);
  // Per-batch numbers are kept even when there is no head, and so on.
  const int64_t slices =
      std::max<int64_t>(shape.batch, 1) * std::max<int64_t>(shape.heads, 1);
  if (slices > kMostHeads) {
    detail::fail(ErrorCode::limit, "mask",
                 "the shape has batch * heads = {}; expected at most {}",
                 slices, kMostHeads);
  }
  // Rows fit (2^24 * 2^31); what counts pairs must not overflow.
  if (!detail::checked_product(slices * shape.q_len, shape.kv_len)) {
    detail::fail(ErrorCode::limit, "mask",
                 "the shape {} has more than 2^63 pairs", to_string(shape));
  }
}

}  // namespace

Mask::Mask(std::shared_ptr<const detail::Node> node) : node_(std::move(node)) {}

BoundMask Mask::bind(const AttentionShape& shape) const {
  check_shape(shape);
  return BoundMask(*this, shape,
                   node_->bind(detail::BindContext{shape, nullptr, false}));
}

bool operator==(const Mask& a, const Mask& b) {
  return detail::equal(a.node(), b.node());
}

Mask operator&(const Mask& a, const Mask& b) {
  return detail::make_mask(
      detail::combine(detail::Operator::both, {a.node_, b.node_}));
}

Mask operator|(const Mask& a, const Mask& b) {
  return detail::make_mask(
      detail::combine(detail::Operator::either, {a.node_, b.node_}));
}

Mask operator~(const Mask& a) {
  return detail::make_mask(detail::invert(a.node_));
}

PerBatch::PerBatch(const MaskTensor& each)
    : single_(false), from_tensor_(true), name_(each.name) {
  const DType dtype = each.view.dtype();
  const bool integers = dtype == DType::i32 || dtype == DType::i64;
  if (!integers || each.view.rank() != 1) {
    detail::fail(ErrorCode::invalid_argument, "mask",
                 "expected one number for each batch item, as a tensor [B] of "
                 "i32 or i64, got {} {}{}",
                 name_of(dtype), to_string(each.view.shape()),
                 name_.empty() ? "" : " in " + name_);
  }
  values_ = to_int64(each.view);
}

}  // namespace maskwise
