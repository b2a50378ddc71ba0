// The way from token ids to attention weights, as a list of shapes and one row
// of numbers.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attention/attention_checks.h"
#include "base/fail.h"
#include "base/format.h"
#include "inspect/grid_slices.h"
#include "inspect/shape_walk_row.h"
#include "inspect/token_label.h"
#include "mask/boolean_word.h"
#include "mask/node.h"
#include "mask/token_ids.h"
#include "maskwise/inspect.h"
#include "maskwise/mask.h"
#include "maskwise/mask_text.h"

namespace maskwise {
namespace detail {
namespace {

// Channels of a head when d_model is not said.
constexpr int64_t kDefaultDepth = 16;

bool has_heads(const ShapeWalkOptions& options) {
  return options.q_heads.defined();
}

void check_head(std::string_view name, const TensorView& view,
                const Shape& expected) {
  if (view.shape() != expected) {
    fail(ErrorCode::shape_mismatch, "explain",
         "expected {} of shape {}, got {}", name, to_string(expected),
         to_string(view.shape()));
  }
  const DType dtype = view.dtype();
  if (!is_attention_float(dtype)) {
    fail(ErrorCode::invalid_argument, "explain",
         "expected {} of type f32, f16 or bf16, got {}", name, name_of(dtype));
  }
}

// The heads given are those of the shape.
void check_heads(const AttentionShape& shape, const ShapeWalkOptions& options) {
  const TensorView& q = options.q_heads;
  const TensorView& k = options.k_heads;
  if (q.defined() != k.defined()) {
    fail(ErrorCode::invalid_argument, "explain",
         "one of q and k is given; expected both or neither");
  }
  if (!q.defined()) return;
  const bool four_axes = q.rank() == 4 && k.rank() == 4;
  const int64_t depth = four_axes ? q.dim(3) : 0;
  const int64_t kv_heads = four_axes ? k.dim(1) : 0;
  if (depth < 1 || kv_heads < 1 || shape.heads % kv_heads != 0) {
    fail(ErrorCode::shape_mismatch, "explain",
         "expected q [B, H, Lq, D] and k [B, Hkv, Lk, D] with D >= 1 and Hkv a "
         "divisor of H, got {} and {}",
         to_string(q.shape()), to_string(k.shape()));
  }
  check_head("q", q, {shape.batch, shape.heads, shape.q_len, depth});
  check_head("k", k, {shape.batch, kv_heads, shape.kv_len, depth});
}

int64_t depth_of(const AttentionShape& shape, const ShapeWalkOptions& options) {
  if (has_heads(options) && options.d_model) {
    fail(ErrorCode::invalid_argument, "explain",
         "d_model is said beside q and k, whose head_dim is {}; expected one "
         "of the two",
         options.q_heads.dim(3));
  }
  if (has_heads(options)) return options.q_heads.dim(3);
  if (!options.d_model) return kDefaultDepth;
  const int64_t d_model = *options.d_model;
  if (d_model < 1 || shape.heads < 1 || d_model % shape.heads != 0) {
    fail(ErrorCode::invalid_argument, "explain",
         "d_model is {}; expected a multiple of the {} heads", d_model,
         shape.heads);
  }
  return d_model / shape.heads;
}

const TokenIds* find_padding(const Node& node) {
  if (const auto* word = dynamic_cast<const TokenIds*>(&node)) return word;
  for (const Node* part : node.inside()) {
    if (const TokenIds* word = find_padding(*part)) return word;
  }
  return nullptr;
}

// Whether a word of the mask is a padding mask: one of keys, the same for every
// head and query.
bool hides_columns(const Node& node) {
  if (dynamic_cast<const TokenIds*>(&node) != nullptr) return true;
  if (const auto* word = dynamic_cast<const BooleanWord*>(&node)) {
    return word->is_of_keys();
  }
  const std::vector<const Node*> inside = node.inside();
  return inside.empty() ? text_of(node).starts_with("lengths")
                        : std::ranges::any_of(inside, [](const Node* part) {
                            return hides_columns(*part);
                          });
}

bool looks_ahead(const Node& node) {
  const std::vector<const Node*> inside = node.inside();
  return inside.empty() ? text_of(node).starts_with("causal")
                        : std::ranges::any_of(inside, [](const Node* part) {
                            return looks_ahead(*part);
                          });
}

// The axes over which the mask is not the same everywhere.
struct MaskAxes {
  bool batch = false;
  bool heads = false;
  bool queries = false;
  bool keys = false;
};

MaskAxes axes_of(const BoundMask& mask) {
  const AttentionShape& shape = mask.shape();
  const std::vector<GridSlice> slices = grid_slices(mask);
  MaskAxes axes;
  axes.batch = varies_over_batch(slices, shape);
  axes.heads = varies_over_heads(slices, shape);
  const KeyIntervals all_keys = {{0, shape.kv_len}};
  KeyIntervals first;
  KeyIntervals row;
  for (const GridSlice& slice : slices) {
    for (int64_t q = 0; q < shape.q_len; ++q) {
      mask.row_keys(slice.batch, slice.head, q, all_keys[0], row);
      if (q == 0) first = row;
      axes.queries = axes.queries || row != first;
      axes.keys = axes.keys || (!row.empty() && row != all_keys);
    }
  }
  return axes;
}

// Writes down the stations of one shape.
class StepList {
 public:
  StepList(const AttentionShape& shape, int64_t depth)
      : shape_(shape), depth_(depth) {
    if (shape.q_len == shape.kv_len) q_ = k_ = "L";
  }

  void add_made_up_inputs();
  void add_heads(int64_t kv_heads);
  void add_logits();
  void add_masks(const BoundMask& mask);
  void add_weights();
  void add_output();

  std::vector<ShapeStep> take() { return std::move(steps_); }

 private:
  bool square() const { return shape_.q_len == shape_.kv_len; }

  void add(std::string name, std::string shape, Shape sizes, std::string text) {
    steps_.push_back(
        {std::move(name), std::move(shape), std::move(sizes), std::move(text)});
  }

  // A station whose axes meet those of the logits.
  void add_on_logits(std::string name, std::string shape, Shape sizes,
                     std::string text) {
    add(std::move(name), std::move(shape), std::move(sizes), std::move(text));
    steps_.back().on_logits = true;
  }

  AttentionShape shape_;
  int64_t depth_;
  std::string_view q_ = "Lq";  // the letters of the two lengths
  std::string_view k_ = "Lk";
  std::vector<ShapeStep> steps_;
};

void StepList::add_made_up_inputs() {
  const auto& [B, H, Lq, Lk] = shape_;
  add("token ids", formatted("(B,{})", k_), {B, Lk},
      "row b is sentence b, column k is its token k");
  add("embedding", formatted("(B,{},d_model)", k_), {B, Lk, H * depth_},
      "each id becomes a vector of d_model numbers, here made up");
  if (!square()) {
    add("query heads", "(B,H,Lq,depth)", {B, H, Lq, depth_},
        "the queries are other tokens, cut into heads in the same way");
  }
  add(square() ? "heads" : "key heads", formatted("(B,H,{},depth)", k_),
      {B, H, Lk, depth_}, "each vector is cut into H pieces, one for a head");
}

void StepList::add_heads(int64_t kv_heads) {
  const auto& [B, H, Lq, Lk] = shape_;
  add("query heads", formatted("(B,H,{},D)", q_), {B, H, Lq, depth_},
      "q of the call");
  add("key heads", formatted("(B,Hkv,{},D)", k_), {B, kv_heads, Lk, depth_},
      kv_heads == H
          ? "k of the call"
          : formatted("k of the call; {} query heads share one", H / kv_heads));
}

void StepList::add_logits() {
  const auto& [B, H, Lq, Lk] = shape_;
  add_on_logits("logits", formatted("(B,H,{},{})", q_, k_), {B, H, Lq, Lk},
                "query q times key k: column k is still token k");
}

void StepList::add_masks(const BoundMask& mask) {
  const auto& [B, H, Lq, Lk] = shape_;
  const Node& words = mask.mask().node();
  if (hides_columns(words)) {
    add_on_logits("padding mask", formatted("(B,1,1,{})", k_), {B, 1, 1, Lk},
                  "hides columns: the same keys from every head and query");
  }
  if (looks_ahead(words)) {
    add_on_logits(
        "look-ahead mask", formatted("({},{})", q_, k_), {Lq, Lk},
        "hides what comes later, the same in every sentence and head");
  }
  const MaskAxes axes = axes_of(mask);
  add_on_logits(
      "this mask",
      formatted("({},{},{},{})", axes.batch ? "B" : "1", axes.heads ? "H" : "1",
                axes.queries ? q_ : "1", axes.keys ? k_ : "1"),
      {axes.batch ? B : 1, axes.heads ? H : 1, axes.queries ? Lq : 1,
       axes.keys ? Lk : 1},
      to_string(mask.mask()).text);
}

void StepList::add_weights() {
  const auto& [B, H, Lq, Lk] = shape_;
  add("weights", formatted("(B,H,{},{})", q_, k_), {B, H, Lq, Lk},
      "softmax over the visible keys of each row; a masked key weighs 0");
}

void StepList::add_output() {
  const auto& [B, H, Lq, Lk] = shape_;
  add("output", formatted("(B,{},d_model)", q_), {B, Lq, H * depth_},
      "weights times values, the heads side by side again");
}

void check_index(std::string_view axis, int64_t index, int64_t size) {
  if (index >= 0 && index < size) return;
  fail(ErrorCode::invalid_argument, "explain",
       "{} {} lies outside the shape; expected 0 <= {} < {}", axis, index, axis,
       size);
}

std::optional<int64_t> first_padded_query(const AttentionShape& shape,
                                          const WalkIds& ids, int64_t b) {
  for (int64_t q = 0; q < shape.q_len; ++q) {
    if (ids.is_padded_query(b, q)) return q;
  }
  return std::nullopt;
}

// The row that is asked for, else one that shows the most: of a sentence with
// padding, the token in its middle.
PairIndex choose_row(const AttentionShape& shape, const WalkIds& ids,
                     const ShapeWalkOptions& options) {
  PairIndex row = {0, options.head, shape.q_len - 1, 0};
  for (int64_t b = 0; b < shape.batch && !options.batch; ++b) {
    if (!first_padded_query(shape, ids, b)) continue;
    row.batch = b;
    break;
  }
  row.batch = options.batch.value_or(row.batch);
  check_index("batch", row.batch, shape.batch);
  check_index("head", row.head, shape.heads);
  while (row.q > 0 && ids.is_padded_query(row.batch, row.q)) --row.q;
  row.q = options.q.value_or((row.q + 1) / 2);
  check_index("q", row.q, shape.q_len);
  return row;
}

LogitRow labelled(LogitRow row, const TokenLabels& labels) {
  row.query = label_at(labels.q, row.row.batch, row.row.q);
  if (has_labels(labels.k, row.row.batch)) {
    row.keys = labels.k[static_cast<size_t>(row.row.batch)];
  }
  return row;
}

}  // namespace
}  // namespace detail

std::optional<int64_t> pad_id_of(const Mask& mask) {
  const detail::TokenIds* padding = detail::find_padding(mask.node());
  if (padding == nullptr) return std::nullopt;
  return padding->pad_id();
}

std::vector<ShapeStep> shape_steps(const BoundMask& mask,
                                   const ShapeWalkOptions& options) {
  detail::check_heads(mask.shape(), options);
  const bool made_up = !detail::has_heads(options);
  detail::StepList steps(mask.shape(), detail::depth_of(mask.shape(), options));
  if (made_up) {
    steps.add_made_up_inputs();
  } else {
    steps.add_heads(options.k_heads.dim(1));
  }
  steps.add_logits();
  steps.add_masks(mask);
  steps.add_weights();
  // What v holds, and so the output, is not known of a call's q and k.
  if (made_up) steps.add_output();
  return steps.take();
}

ShapeWalk walk_shapes(const BoundMask& mask, const TensorView& token_ids,
                      const ShapeWalkOptions& options) {
  const AttentionShape& shape = mask.shape();
  detail::check_labels(options.labels, shape);
  detail::check_heads(shape, options);
  const int64_t pad = options.pad.value_or(pad_id_of(mask.mask()).value_or(0));
  const detail::WalkIds ids(shape, token_ids, pad);
  const PairIndex row = detail::choose_row(shape, ids, options);
  const int64_t depth = detail::depth_of(shape, options);
  ShapeWalk walk;
  walk.steps = shape_steps(mask, options);
  walk.made_up = !detail::has_heads(options);
  const auto row_at = [&](const PairIndex& at) {
    const detail::RowHeads heads =
        walk.made_up ? detail::made_up_heads(ids, shape.kv_len, depth, at)
                     : detail::heads_of(options.q_heads, options.k_heads, at);
    return detail::labelled(detail::logit_row(mask, heads, options.scale, at),
                            options.labels);
  };
  walk.row = row_at(row);
  if (const auto q = detail::first_padded_query(shape, ids, row.batch)) {
    walk.padded_row = row_at({row.batch, row.head, *q, 0});
  }
  return walk;
}

}  // namespace maskwise
