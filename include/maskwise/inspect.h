// For people: why a pair is masked, what a mask looks like, where the mask
// meets the logits, and what goes wrong when it is applied otherwise.
#ifndef MASKWISE_INSPECT_H_
#define MASKWISE_INSPECT_H_

#include <cstdint>
#include <iosfwd>
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
  std::vector<std::vector<std::string>> q;  // [B][Lq]
  std::vector<std::vector<std::string>> k;  // [B][Lk]
};

// Whether a query may attend to a key, and why.
struct Explanation {
  PairIndex pair;
  bool allowed = false;
  std::string reason;  // one line: the clause that decides, in words
  Clause tree;         // every clause with its own answer
};

// Explains one pair. Throws Error when it lies outside the shape.
Explanation explain(const BoundMask& mask, const PairIndex& pair);

// The explanation as lines of text: the reason, then the tree.
std::string to_string(const Explanation& explanation);
std::ostream& operator<<(std::ostream& out, const Explanation& explanation);

enum class Charset { unicode, ascii };

struct GridOptions {
  TokenLabels labels;
  Charset charset = Charset::unicode;
  // Larger masks are scaled down to at most this many rows and columns; a cell
  // then shows the share of its pairs that are allowed.
  int64_t most_cells = 48;
};

// The mask as a grid, queries down, keys across, one for each (batch, head)
// whose mask differs from those before.
std::string draw_text(const BoundMask& mask, const GridOptions& options = {});
std::string draw_svg(const BoundMask& mask, const GridOptions& options = {});

struct ShapeWalkOptions {
  TokenLabels labels;
  int64_t d_model = 64;  // a multiple of the heads
  int64_t batch = 0;     // whose logits are shown ...
  int64_t head = 0;
  int64_t q = 0;  // ... and of which query
};

// One station on the way from token ids to attention weights.
struct ShapeStep {
  std::string name;   // "token ids", "padding mask", "logits", ...
  std::string shape;  // "(B,1,1,L)"
  Shape sizes;        // the same in numbers
  std::string text;   // what happens there, one or two lines
};

// One row of logits on its way through the mask.
struct LogitRow {
  std::vector<std::string> keys;  // labels
  std::vector<float> before;      // scale * q.k
  std::vector<float> masked;      // -inf where masked
  std::vector<float> weights;     // after the softmax
};

struct ShapeWalk {
  std::vector<ShapeStep> steps;
  LogitRow row;
};

// The way from token ids [B, L] to the weights of one row, with numbers: the
// embedding is a fixed table of pseudo-random vectors, one for each id, and
// the heads are slices of it. For self-attention masks (Lq = Lk). Throws Error
// when ids, heads and d_model do not fit.
ShapeWalk walk_shapes(const BoundMask& mask, const TensorView& token_ids,
                      const ShapeWalkOptions& options = {});
std::string to_string(const ShapeWalk& walk, Charset charset);

// What verify() found.
struct VerifyReport {
  int64_t rows = 0;      // rows checked: all of them
  int64_t poisoned = 0;  // masked pairs whose k, v and bias were poisoned
  int64_t deleted = 0;   // masked pairs whose key was deleted
  int64_t bits_changed = 0;
  std::vector<PairIndex> changed_rows;  // the first few; k is 0
};

// Holds the promise to the test on these inputs: for every row, its masked
// keys are overwritten with six kinds of poison (quiet and signalling NaN,
// +Inf, -Inf, 1e30, a denormal) and, apart from that, deleted from memory; the
// bits of o, lse, m, l, weights and biased scores that change are counted.
// Arguments and errors as attention(). Cost: up to seven calls for each group
// of rows that see the same keys.
VerifyReport verify(const TensorView& q, const TensorView& k,
                    const TensorView& v, const MaskPlan& plan,
                    const AttentionOptions& options = {});

// What one way of applying the mask does.
struct VariantReport {
  std::string variant;          // "masked_absent", "add_minus_1e9", ...
  std::string text;             // what it is, for people
  double row_sum_min = 0;       // of the weights of a row that sees a key
  double row_sum_max = 0;
  double masked_weight_max = 0; // weight that reached masked keys of a row
  double output_diff_max = 0;   // largest |o - ours|, rows that see a key
  double influence_max = 0;     // largest move of o when masked keys change
  std::string fully_masked_row; // what a row that sees no key gives; "" = none
};

// Our mask beside the usual mistakes: -1e9 and -1e4 added to masked logits,
// logits multiplied by 0/1, weights multiplied by 0/1 after the softmax with
// and without renormalising, and the polarity inverted. The variants run in
// f32 with a plain softmax, as tutorials write it. Arguments and errors as
// attention().
std::vector<VariantReport> compare(const TensorView& q, const TensorView& k,
                                   const TensorView& v, const MaskPlan& plan,
                                   const AttentionOptions& options = {});

// A small built-in case for compare(): in its row a masked key would hold 99 %
// of the weight.
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
