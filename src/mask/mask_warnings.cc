// What is legal in a mask and probably not meant.

#include <algorithm>
#include <string>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "mask/boolean_word.h"
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

// What the words of a mask tell.
struct MaskFacts {
  std::vector<PaddedIds> ids;
  const WrittenClause* boolean = nullptr;  // the first word that reads one
  const WrittenClause* keys = nullptr;     // the first that is a mask of keys
};

void collect_facts(const Node& node, MaskFacts& facts) {
  if (const auto* word = dynamic_cast<const TokenIds*>(&node)) {
    facts.ids.push_back({word->token_ids(), word->pad_id()});
  }
  if (const auto* word = dynamic_cast<const BooleanWord*>(&node)) {
    const WrittenClause* clause = &word->clause_written();
    if (facts.boolean == nullptr) facts.boolean = clause;
    if (facts.keys == nullptr && word->is_of_keys()) facts.keys = clause;
  }
  for (const Node* part : node.inside()) collect_facts(*part, facts);
}

// "1 row sees", "2 rows see".
std::string counted(int64_t count, std::string_view one,
                    std::string_view many) {
  return formatted("{} {}", count, count == 1 ? one : many);
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
  Warnings(const BoundMask& mask, const MaskFacts& facts)
      : mask_(mask), facts_(facts), sight_(look(mask)) {}

  void check_counts();
  void check_ids(const PaddedIds& ids);
  void check_direction();
  void check_suffixes();
  void check_window();

  std::vector<MaskWarning> take() { return std::move(found_); }

 private:
  // The first of each kind stays.
  void add(WarningKind kind, int64_t count, std::string message) {
    const bool known = std::ranges::any_of(
        found_, [&](const MaskWarning& w) { return w.kind == kind; });
    if (!known) found_.push_back({kind, std::move(message), count});
  }

  bool sees_only_padding(const PaddedIds& ids) const;
  std::string polarity_of(const WrittenClause* clause) const;

  const BoundMask& mask_;
  const MaskFacts& facts_;
  Sight sight_;
  std::vector<MaskWarning> found_;
};

// What true means, in the words of the clause that was written.
std::string Warnings::polarity_of(const WrittenClause* clause) const {
  if (clause == nullptr) return "here true means may attend";
  return formatted("in {} {}", clause->text, clause->meaning);
}

void Warnings::check_counts() {
  const AttentionShape& shape = mask_.shape();
  const int64_t pairs =
      element_count({shape.batch, shape.heads, shape.q_len, shape.kv_len});
  const int64_t visible = mask_.visible_pairs();
  if (visible == pairs && pairs > 0) {
    add(WarningKind::forbids_nothing, pairs,
        "the mask forbids nothing: every query sees every key");
  }
  if (visible == 0 && pairs > 0) {
    add(WarningKind::forbids_everything, pairs,
        "the mask forbids everything: no query sees any key");
  }
  const int64_t all_rows = shape.batch * shape.heads * shape.q_len;
  const RowsWithoutKeys rows = mask_.rows_without_keys();
  if (rows.count > 0) {
    add(WarningKind::rows_without_keys, rows.count,
        formatted("{} of {} rows {} no key (first: batch {}, head {}, query "
                  "{}); {}",
                  rows.count, all_rows, rows.count == 1 ? "sees" : "see",
                  rows.first->batch, rows.first->head, rows.first->q,
                  rows.count == 1 ? "its output is 0 and its lse -inf"
                                  : "their output is 0 and their lse -inf"));
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
        formatted("{} inside a sentence, with tokens on both sides (first: "
                  "{}); is {} really the pad id?",
                  counted(inside, "pad id stands", "pad ids stand"),
                  first_inside, ids.pad));
  }
  if (empty > 0 && ids.ids.dim(1) > 0) {
    add(WarningKind::all_padding, empty,
        formatted("{} of {} sentences {} all padding", empty, ids.ids.dim(0),
                  empty == 1 ? "is" : "are"));
  }
  if (sees_only_padding(ids)) {
    add(WarningKind::polarity_looks_inverted, 1,
        "polarity looks inverted: only padding stays visible; " +
            polarity_of(facts_.boolean));
  }
}

void Warnings::check_direction() {
  const AttentionShape& shape = mask_.shape();
  if (shape.q_len != shape.kv_len) return;
  if (sight_.past_pairs > 0 || sight_.future_pairs == 0) return;
  // A mask of keys has no direction, wherever its only key stands.
  if (!sight_.rows_differ) return;
  add(WarningKind::polarity_looks_inverted, sight_.future_pairs,
      "polarity looks inverted: queries see the future and not the past; " +
          polarity_of(facts_.boolean));
}

// Without ids: in a batch padded at the right, an inverted padding mask leaves
// each sentence its tail, and one that fills its row nothing. A sentence that
// keeps all its keys speaks for padding at the left. Where none is full and
// none is empty, only a word that reads a mask of keys, and hides more of them
// than it shows, is doubted.
void Warnings::check_suffixes() {
  int64_t empty = 0;
  int64_t tails = 0;
  int64_t shown = 0;
  for (const KeyIntervals& keys : sight_.keys_of_batch) {
    empty += keys.empty() ? 1 : 0;
    if (keys.empty()) continue;
    const bool tail = keys.size() == 1 && keys[0].begin > 0 &&
                      keys[0].end == mask_.shape().kv_len;
    if (!tail) return;
    ++tails;
    shown += count_keys(keys);
  }
  const bool mostly_hidden = facts_.keys != nullptr && tails > 1 &&
                             2 * shown < tails * mask_.shape().kv_len;
  if (tails == 0 || (empty == 0 && !mostly_hidden)) return;
  add(WarningKind::polarity_looks_inverted, 1,
      formatted(
          "polarity looks inverted: {} only the last keys{}, as if "
          "padding were visible and the tokens masked (right only when "
          "the padding stands at the left); {}",
          counted(tails, "sentence keeps", "sentences keep"),
          empty == 0 ? "" : " and " + counted(empty, "keeps none", "keep none"),
          polarity_of(facts_.keys)));
}

void Warnings::check_window() {
  if (mask_.mask().node().ahead() != Ahead::left_open) return;
  const auto& [batch, heads, q_len, kv_len] = mask_.shape();
  // Another word, a tensor for example, may hide what lies ahead. On a
  // rectangle that is not looked at; one query mostly stands at the last key.
  if (q_len == kv_len ? sight_.future_pairs == 0 : q_len < 2) return;
  add(WarningKind::window_open_ahead, 1,
      "sliding_window says left and not right, so queries see every later key; "
      "write right=0, or causal beside it with &, to hide the future");
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
    case WarningKind::window_open_ahead:
      return "window_open_ahead";
  }
  return "";
}

std::vector<MaskWarning> warnings(const BoundMask& mask,
                                  const TensorView& token_ids, int64_t pad) {
  detail::MaskFacts facts;
  detail::collect_facts(mask.mask().node(), facts);
  if (token_ids.defined()) {
    const Shape wanted = {mask.shape().batch, mask.shape().kv_len};
    if (token_ids.shape() != wanted) {
      detail::fail(ErrorCode::shape_mismatch, "warnings",
                   "expected token_ids [B, Lk] = {}, got {}", to_string(wanted),
                   to_string(token_ids.shape()));
    }
    facts.ids.push_back({Tensor::from(wanted, to_int64(token_ids)), pad});
  }
  detail::Warnings found(mask, facts);
  found.check_counts();
  for (const detail::PaddedIds& each : facts.ids) found.check_ids(each);
  found.check_direction();
  if (facts.ids.empty()) found.check_suffixes();
  found.check_window();
  return found.take();
}

std::vector<MaskWarning> warnings(const Mask& mask,
                                  const AttentionShape& shape) {
  return warnings(mask.bind(shape));
}

}  // namespace maskwise
