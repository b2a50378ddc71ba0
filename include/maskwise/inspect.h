// For people: why a pair is masked, what a mask looks like, where the mask
// meets the logits, and what goes wrong when it is applied otherwise.
#ifndef MASKWISE_INSPECT_H_
#define MASKWISE_INSPECT_H_

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/attention.h"
#include "maskwise/bound_mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"

namespace maskwise {

// The tokens of each batch item as text, to label queries and keys with. An
// empty list labels with numbers.
struct TokenLabels {
  std::vector<std::vector<std::string>> q = {};  // [B][Lq]
  std::vector<std::vector<std::string>> k = {};  // [B][Lk]
};

// Which characters drawings and tables are made of.
enum class Charset { unicode, ascii };

// Whether a query may attend to a key, and why.
struct Explanation {
  PairIndex pair;
  std::string q_token;  // the labels of the two, "" when they have none
  std::string k_token;
  bool allowed = false;
  std::string reason;  // one line: the clauses that decide, in words
  Clause tree;         // every clause with its own answer
};

// Explains one pair. Throws Error when it lies outside the shape or the labels
// do not fit it.
Explanation explain(const BoundMask& mask, const PairIndex& pair,
                    const TokenLabels& labels = {});

// The explanation as lines of text, without a line break at the end: the pair,
// the reason, and the tree with true or false at every clause.
std::string to_string(const Explanation& explanation,
                      Charset charset = Charset::unicode);
std::ostream& operator<<(std::ostream& out, const Explanation& explanation);

struct GridOptions {
  TokenLabels labels = {};
  Charset charset = Charset::unicode;  // of draw_text()
  std::optional<int64_t> batch = {};   // this batch item only
  std::optional<int64_t> head = {};    // this head only
  // Larger masks are scaled down to at most this many rows and columns, 1 to
  // 1024; a cell then shows the share of its pairs that are allowed.
  int64_t most_cells = 48;
  int64_t most_grids = 8;  // more are counted, not drawn
  // Of draw_text(): who has a grid, and what the signs of single pairs mean.
  // Without them the grids alone, with the scale of those scaled down.
  bool captions = true;
};

// The mask as a grid, queries down, keys across, one for each (batch, head)
// whose mask differs from those before. draw_svg() is a whole SVG document in
// colours for light and dark pages. Throws Error when an option does not fit
// the shape. Cost: each row's key intervals a few times; memory for the cells.
std::string draw_text(const BoundMask& mask, const GridOptions& options = {});
std::string draw_svg(const BoundMask& mask, const GridOptions& options = {});

// Softmax weights [Lq, Lk], f32, as a table in percent, queries down, keys
// across; a dot is a weight of exactly 0, as of a masked key. One label for
// each query and each key. What is wider than `most_columns` goes on below, by
// keys. Throws Error when shape or labels do not fit.
std::string draw_weights(const TensorView& weights,
                         const std::vector<std::string>& q_labels,
                         const std::vector<std::string>& k_labels,
                         Charset charset = Charset::unicode,
                         std::optional<int64_t> most_columns = {});

// Drawings of several lines, one to the right of the other; those that would
// not fit in `most_columns` begin anew below, after an empty line.
std::string side_by_side(const std::vector<std::string>& drawings,
                         std::optional<int64_t> most_columns = {});

// The pad id that the mask's padding() says, if it says one.
std::optional<int64_t> pad_id_of(const Mask& mask);

struct ShapeWalkOptions {
  TokenLabels labels = {};
  // A multiple of H. Default: 16 for each head.
  std::optional<int64_t> d_model = {};
  std::optional<int64_t> pad = {};  // default: pad_id_of(mask), else 0
  // Whose logits are shown. Default: the first batch item that holds padding
  // and the query in the middle of its tokens.
  std::optional<int64_t> batch = {};
  int64_t head = 0;
  std::optional<int64_t> q = {};
  // A call's own heads, both or neither: [B, H, Lq, D] and [B, Hkv, Lk, D],
  // f32, f16 or bf16. Without them an embedding is made up for illustration.
  TensorView q_heads = {};
  TensorView k_heads = {};
  std::optional<float> scale = {};  // default 1/sqrt(D)
};

// One station on the way from token ids to attention weights.
struct ShapeStep {
  std::string name;        // "token ids", "padding mask", "logits", ...
  std::string shape;       // "(B,1,1,L)"
  Shape sizes;             // the same in numbers
  std::string text;        // what happens there, one line
  bool on_logits = false;  // its axes meet those of the logits (B,H,L,L)
};

// One row of logits on its way through the mask.
struct LogitRow {
  PairIndex row;                  // batch, head and q; k is 0
  std::string query;              // label, "" when there is none
  std::vector<std::string> keys;  // labels, empty when there are none
  std::vector<float> before;      // scale * q.k
  std::vector<float> masked;      // -inf where masked
  std::vector<float> weights;     // after the softmax
};

struct ShapeWalk {
  std::vector<ShapeStep> steps;
  LogitRow row;
  std::optional<LogitRow> padded_row;  // of the first padded query, if any
  bool made_up = true;                 // the numbers: no heads were given
};

// The steps alone, which need no ids. Cost: each row's key intervals.
std::vector<ShapeStep> shape_steps(const BoundMask& mask,
                                   const ShapeWalkOptions& options = {});

// The way from token ids [B, Lk] to the weights of one row, with numbers: those
// of attention() for the heads given, without bias. Else the embedding is a
// fixed table of pseudo-random vectors, one for each id, and the heads are
// slices of it; without ids, and for the queries when Lq is not Lk, each
// position has an id of its own. Throws Error when ids, heads and d_model do
// not fit, or the mask has no rows.
ShapeWalk walk_shapes(const BoundMask& mask, const TensorView& token_ids = {},
                      const ShapeWalkOptions& options = {});
std::string to_string(const ShapeWalk& walk,
                      Charset charset = Charset::unicode);

// What verify() found.
struct VerifyReport {
  int64_t rows = 0;          // rows of the call: all of them
  int64_t poisoned = 0;      // masked pairs whose k, v and bias were poisoned
  int64_t deleted = 0;       // masked pairs whose key was deleted
  int64_t bits_changed = 0;  // 0, or there is a leak
  // The first few: rows, k is 0; of gradients also keys, head is the kv head
  // and q is 0.
  std::vector<PairIndex> changed_rows;
  std::vector<PairIndex> changed_keys;
};

// Told the share that is done, from 0 to 1 and rising, by one thread at a time.
using Progress = std::function<void(double share)>;

// Holds the promise to the test on these inputs: for every row, its masked
// keys are overwritten with six kinds of poison (quiet and signalling NaN,
// +Inf, -Inf, 1e30, a denormal) and, apart from that, deleted from memory; the
// bits of o, lse, m, l, weights and biased scores that differ from those of
// the whole call are counted. A pair with a bias of -inf is masked. f16 and
// bf16 inputs are converted to f32 first, exactly, and f32 results compared.
// Arguments and errors as attention(); Error (limit) when weights and scores
// would take more than 4 GiB. Cost: the whole call, and a small call of each
// kind for each group of rows that see the same keys.
VerifyReport verify(const TensorView& q, const TensorView& k,
                    const TensorView& v, const MaskPlan& plan,
                    const AttentionOptions& options = {},
                    const Progress& progress = {});

// What verify_gradients() takes beyond verify().
struct VerifiedLoss {
  TensorView d_o = {};    // as of attention_backward(); default: pseudo-random
  TensorView d_lse = {};  // [B, H, Lq], f32; not defined: 0
  Progress progress = {};
};

// The same promise for the gradients. For every row its masked keys, and for
// every key the rows that may not see it, are overwritten with the six kinds of
// poison (k, v and bias of keys; q, bias, d_o, d_lse, o, m and l of rows; all
// of a row that sees no key) and, apart from that, deleted from memory; the
// bits of dq, dk, dv, dbias, o, m and l that differ from those of the whole
// call are counted. dbias is held against the sums of its visible pairs.
// Arguments and errors as attention_backward(); the rest as verify(). Cost: a
// small call of each kind for each group of rows that see the same keys, and
// of keys that are seen by the same rows, which walks these keys alone.
VerifyReport verify_gradients(const TensorView& q, const TensorView& k,
                              const TensorView& v, const MaskPlan& plan,
                              const AttentionOptions& options = {},
                              const VerifiedLoss& loss = {});

// What one way of applying the mask does. The numbers are of the rows that see
// a key (0 when there is none) and NaN as soon as one row gives NaN.
struct VariantReport {
  std::string variant;     // "masked_absent", "add_minus_1e9", ...
  std::string text;        // what it is, for people
  double row_sum_min = 0;  // of the weights of a row
  double row_sum_max = 0;
  double masked_weight_max = 0;    // of a row's weight that reached masked keys
  double output_diff_max = 0;      // largest |o - ours|
  double influence_max = 0;        // largest move of o when 1 is added to every
                                   // entry of k and v of the row's masked keys
  double masked_gradient_max = 0;  // largest |gradient|, through one row, of
                                   // the sum of o with respect to k and v of
                                   // the row's masked keys
  std::string fully_masked_row;  // what a row that sees no key gives, in words:
                                 // the first such row, else the last row as if
                                 // it were one; "" without rows or keys
};

// Our mask beside the usual mistakes, in this order: masked_absent (ours),
// add_minus_1e9, add_minus_1e4 (added to masked logits), multiply_logits (by
// 0/1), multiply_weights, multiply_weights_renormalised (by 0/1 after the
// softmax), inverted_polarity (the mask negated). The others than ours run in
// f32 with a plain softmax, as tutorials write it, with the gradients that
// autograd gives them, and honour scale, softcap, bias, ALiBi and shared kv
// heads; a pair with a bias of -inf is masked. Our gradient is that of
// attention_backward(), with the masked keys in memory.
// Arguments and errors as attention(); Error (limit) when the weights would
// take more than 4 GiB. Cost: about 21 plain calls.
std::vector<VariantReport> compare(const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options = {});

// A small built-in case for compare(): in row 0 the masked key would hold 99 %
// of the weight; row 1 sees no key.
struct CompareDemo {
  Tensor q;  // [1, 1, 2, 2]
  Tensor k;  // [1, 1, 4, 2]
  Tensor v;  // [1, 1, 4, 1]
  BoundMask mask;
  std::string text;  // what it shows, for people
};

CompareDemo make_compare_demo();

}  // namespace maskwise

#endif  // MASKWISE_INSPECT_H_
