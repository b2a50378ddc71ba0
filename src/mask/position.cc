#include "mask/position.h"

#include "base/fail.h"

namespace maskwise::detail {
namespace {

std::vector<int64_t> offsets_of(std::string_view word, const Position& position,
                                const AttentionShape& shape) {
  if (position.offset) {
    return resolve_per_batch(word, "offset", *position.offset, shape.batch);
  }
  const bool right = position.align == Align::bottom_right;
  return std::vector<int64_t>(static_cast<size_t>(shape.batch),
                              right ? shape.kv_len - shape.q_len : 0);
}

}  // namespace

std::vector<int64_t> resolve_offsets(std::string_view word, const Position& own,
                                     const BindContext& context,
                                     Unsaid unsaid) {
  const AttentionShape& shape = context.shape;
  if (says_something(own)) return offsets_of(word, own, shape);
  if (context.inherited_conflict) {
    fail(ErrorCode::invalid_argument, "mask",
         "{} says no align or offset and the words beside it say different "
         "ones; expected one of its own",
         word);
  }
  if (context.inherited != nullptr) {
    return offsets_of(word, *context.inherited, shape);
  }
  if (unsaid == Unsaid::refuse && shape.q_len != shape.kv_len) {
    fail(ErrorCode::shape_mismatch, "mask",
         "{} on a rectangle: q_len is {} and kv_len is {}, so it must say how "
         "queries line up with keys; write align=top_left (query 0 at key 0), "
         "align=bottom_right (last query at last key) or offset=n (query 0 at "
         "key n)",
         word, shape.q_len, shape.kv_len);
  }
  return offsets_of(word, Position{}, shape);
}

void check_position(std::string_view word, const Position& position) {
  if (!position.align || !position.offset) return;
  fail(ErrorCode::invalid_argument, "mask",
       "{} says both align and offset; expected one of them", word);
}

bool says_something(const Position& position) {
  return position.align.has_value() || position.offset.has_value();
}

bool same_values(const PerBatch& a, const PerBatch& b) {
  return a.single() == b.single() && a.values() == b.values();
}

bool same_position(const Position& a, const Position& b) {
  if (a.align != b.align) return false;
  if (a.offset.has_value() != b.offset.has_value()) return false;
  return !a.offset || same_values(*a.offset, *b.offset);
}

std::vector<int64_t> resolve_per_batch(std::string_view word,
                                       std::string_view what,
                                       const PerBatch& value, int64_t batch) {
  if (value.single()) {
    return std::vector<int64_t>(static_cast<size_t>(batch), value.values()[0]);
  }
  const auto found = static_cast<int64_t>(value.values().size());
  if (found != batch) {
    fail(ErrorCode::shape_mismatch, "mask",
         "{}: expected one {} for each of the {} batch items, got {}", word,
         what, batch, found);
  }
  return value.values();
}

}  // namespace maskwise::detail
