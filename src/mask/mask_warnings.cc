// What is legal in a mask and probably not meant.

#include <algorithm>
#include <string>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"
#include "mask/node.h"
#include "mask/token_ids.h"
#include "maskwise/bound_mask.h"
#include "maskwise/mask.h"

namespace maskwise {
namespace detail {
namespace {

// Token ids of the keys and which of them is padding.
struct PaddedIds {
  Tensor ids;  // [B, Lk] i64
  int64_t pad = 0;

  bool is_pad(int64_t batch, int64_t k) const {
    return ids.data<int64_t>()[batch * ids.dim(1) + k] == pad;
  }
};

void collect_ids(const Node& node, std::vector<PaddedIds>& out) {
  if (const auto* word = dynamic_cast<const TokenIds*>(&node)) {
    out.push_back({word->token_ids(), word->pad_id()});
  }
  for (const Node* part : node.inside()) collect_ids(*part, out);
}

// What all rows together see, gathered in one pass over the different slices.
struct Sight {
  std::vector<KeyIntervals> keys_of_batch;  // seen by some row of the item
  int64_t past_pairs = 0;                   // rows that see a key before them
  int64_t future_pairs = 0;                 // rows that see a key after them
  bool rows_differ = false;                 // rows of one item and head
};

Sight look(const BoundMask& mask) {
  const AttentionShape& shape = mask.shape();
  const std::vector<int32_t> slices = mask.slice_ids();
  std::vector<KeyIntervals> by_slice;
  Sight sight;
  sight.keys_of_batch.resize(static_cast<size_t>(shape.batch));
  for (size_t i = 0; i < slices.size(); ++i) {
    const auto b = static_cast<int64_t>(i) / shape.heads;
    const auto h = static_cast<int64_t>(i) % shape.heads;
    const auto slice = static_cast<size_t>(slices[i]);
    if (slice == by_slice.size()) {
      KeyIntervals seen;
      KeyIntervals previous;
      for (int64_t q = 0; q < shape.q_len; ++q) {
        const KeyIntervals row = mask.row_keys(b, h, q);
        sight.rows_differ = sight.rows_differ || (q > 0 && row != previous);
        previous = row;
        if (row.empty()) continue;
        sight.past_pairs += row.front().begin < q ? 1 : 0;
        sight.future_pairs += row.back().end - 1 > q ? 1 : 0;
        // Most rows add nothing that the rows before have not seen.
        if (intersection(seen, row) != row) seen = union_of(seen, row);
      }
      by_slice.push_back(std::move(seen));
    }
    KeyIntervals& keys = sight.keys_of_batch[static_cast<size_t>(b)];
    keys = union_of(keys, by_slice[slice]);
  }
  return sight;
}

class Warnings {
 public:
  explicit Warnings(const BoundMask& mask) : mask_(mask), sight_(look(mask)) {}

  void check_counts();
  void check_ids(const PaddedIds& ids);
  void check_direction();
  void check_suffixes();

  std::vector<MaskWarning> take() { return std::move(found_); }

 private:
  // The first of each kind stays.
  void add(WarningKind kind, int64_t count, std::string message) {
    const bool known = std::ranges::any_of(
        found_, [&](const MaskWarning& w) { return w.kind == kind; });
    if (!known) found_.push_back({kind, std::move(message), count});
  }

  bool sees_only_padding(const PaddedIds& ids) const;

  const BoundMask& mask_;
  Sight sight_;
  std::vector<MaskWarning> found_;
};

void Warnings::check_counts() {
  const AttentionShape& shape = mask_.shape();
  const int64_t pairs =
      element_count({shape.batch, shape.heads, shape.q_len, shape.kv_len});
  if (pairs == 0) return;
  const int64_t visible = mask_.visible_pairs();
  if (visible == pairs) {
    add(WarningKind::forbids_nothing, pairs,
        "the mask forbids nothing: every query sees every key");
  }
  if (visible == 0) {
    add(WarningKind::forbids_everything, pairs,
        "the mask forbids everything: no query sees any key");
  }
  const RowsWithoutKeys rows = mask_.rows_without_keys();
  if (rows.count > 0) {
    add(WarningKind::rows_without_keys, rows.count,
        formatted("{} of {} rows see no key (first: batch {}, head {}, query "
                  "{}); their output is 0 and their lse -inf",
                  rows.count, shape.batch * shape.heads * shape.q_len,
                  rows.first->batch, rows.first->head, rows.first->q));
  }
}

// Every visible key is padding, and there are tokens that could be seen.
bool Warnings::sees_only_padding(const PaddedIds& ids) const {
  bool sees_any = false;
  for (int64_t b = 0; b < ids.ids.dim(0); ++b) {
    for (const KeyInterval& keys :
         sight_.keys_of_batch[static_cast<size_t>(b)]) {
      sees_any = true;
      for (int64_t k = keys.begin; k < keys.end; ++k) {
        if (!ids.is_pad(b, k)) return false;
      }
    }
  }
  const int64_t* first = ids.ids.data<int64_t>();
  return sees_any && std::any_of(first, first + ids.ids.size(),
                                 [&](int64_t id) { return id != ids.pad; });
}

void Warnings::check_ids(const PaddedIds& ids) {
  int64_t inside = 0;
  int64_t empty = 0;
  std::string first_inside;
  for (int64_t b = 0; b < ids.ids.dim(0); ++b) {
    const KeyIntervals tokens = intervals_where(
        ids.ids.dim(1), [&](int64_t k) { return !ids.is_pad(b, k); });
    empty += tokens.empty() ? 1 : 0;
    if (tokens.size() < 2) continue;
    if (inside == 0) {
      first_inside = formatted("token {} of sentence {}", tokens[0].end, b);
    }
    inside += tokens.back().end - tokens[0].begin - count_keys(tokens);
  }
  if (inside > 0) {
    add(WarningKind::pad_inside_sequence, inside,
        formatted("{} pad ids stand inside a sentence, with tokens on both "
                  "sides (first: {}); is {} really the pad id?",
                  inside, first_inside, ids.pad));
  }
  if (empty > 0 && ids.ids.dim(1) > 0) {
    add(WarningKind::all_padding, empty,
        formatted("{} of {} sentences are all padding", empty, ids.ids.dim(0)));
  }
  if (sees_only_padding(ids)) {
    add(WarningKind::polarity_looks_inverted, 1,
        "polarity looks inverted: only padding stays visible; here true means "
        "may attend");
  }
}

void Warnings::check_direction() {
  const AttentionShape& shape = mask_.shape();
  if (shape.q_len != shape.kv_len) return;
  if (sight_.past_pairs > 0 || sight_.future_pairs == 0) return;
  // A mask of keys has no direction, wherever its only key stands.
  if (!sight_.rows_differ) return;
  add(WarningKind::polarity_looks_inverted, sight_.future_pairs,
      "polarity looks inverted: queries see the future and not the past; here "
      "true means may attend");
}

// Without ids: in a batch padded at the right, an inverted padding mask leaves
// each sentence its tail, and the longest sentence nothing.
void Warnings::check_suffixes() {
  bool some_empty = false;
  bool some_tail = false;
  for (const KeyIntervals& keys : sight_.keys_of_batch) {
    if (keys.empty()) {
      some_empty = true;
      continue;
    }
    const bool tail = keys.size() == 1 && keys[0].begin > 0 &&
                      keys[0].end == mask_.shape().kv_len;
    if (!tail) return;
    some_tail = true;
  }
  if (!some_empty || !some_tail) return;
  add(WarningKind::polarity_looks_inverted, 1,
      "polarity looks inverted: each sentence keeps only its last keys and one "
      "keeps none, as if padding stayed visible; here true means may attend");
}

}  // namespace
}  // namespace detail

std::string_view name_of(WarningKind kind) {
  switch (kind) {
    case WarningKind::rows_without_keys:
      return "rows_without_keys";
    case WarningKind::pad_inside_sequence:
      return "pad_inside_sequence";
    case WarningKind::all_padding:
      return "all_padding";
    case WarningKind::forbids_everything:
      return "forbids_everything";
    case WarningKind::forbids_nothing:
      return "forbids_nothing";
    case WarningKind::polarity_looks_inverted:
      return "polarity_looks_inverted";
  }
  return "";
}

std::vector<MaskWarning> warnings(const BoundMask& mask,
                                  const TensorView& token_ids, int64_t pad) {
  std::vector<detail::PaddedIds> ids;
  detail::collect_ids(mask.mask().node(), ids);
  if (token_ids.defined()) {
    const Shape wanted = {mask.shape().batch, mask.shape().kv_len};
    if (token_ids.shape() != wanted) {
      detail::fail(ErrorCode::shape_mismatch, "warnings",
                   "expected token_ids [B, Lk] = {}, got {}", to_string(wanted),
                   to_string(token_ids.shape()));
    }
    ids.push_back({Tensor::from(wanted, to_int64(token_ids)), pad});
  }
  detail::Warnings found(mask);
  found.check_counts();
  for (const detail::PaddedIds& each : ids) found.check_ids(each);
  found.check_direction();
  if (ids.empty()) found.check_suffixes();
  return found.take();
}

std::vector<MaskWarning> warnings(const Mask& mask,
                                  const AttentionShape& shape) {
  return warnings(mask.bind(shape));
}

}  // namespace maskwise
