#include "attention/attention_checks.h"

#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attention/bhld.h"
#include "base/fail.h"

namespace maskwise::detail {
namespace {

constexpr std::string_view kOperation = "attention";

// Threads beyond this are a typing error, not a machine.
constexpr int kMostThreads = 1024;

// The difference of two positions within this fits in 63 bits.
constexpr int64_t kFarthest = (int64_t{1} << 62) - 1;

Shape shape_of(const Sizes& sizes) { return {sizes.begin(), sizes.end()}; }

// `view` repeated to `sizes`, aligned at the right; nothing where it does not
// fit.
std::optional<Input> broadcast(const TensorView& view, const Sizes& sizes) {
  const int64_t missing = 4 - view.rank();
  if (missing < 0) return std::nullopt;
  Input input;
  input.data = view.bytes();
  input.dtype = view.dtype();
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    const int64_t size = sizes[static_cast<size_t>(missing + axis)];
    if (view.dim(axis) == size) {
      input.stride[missing + axis] = view.stride(axis);
    } else if (view.dim(axis) != 1) {
      return std::nullopt;
    }
  }
  return input;
}

// Allocates nothing where q, k, v, bias and slopes are read as they are given.
class Checker {
 public:
  Checker(const AttentionShape& shape, const AttentionOptions& options,
          Storage storage)
      : shape_(shape), options_(options), storage_(storage) {}

  AttentionInputs run(const TensorView& q, const TensorView& k,
                      const TensorView& v);
  AttentionInputs run_queries(const TensorView& q);

 private:
  void read_queries(const Bhld& q);
  Bhld as_bhld(std::string_view name, const TensorView& view);
  const TensorView& as_f32(std::string_view name, const TensorView& view);
  void check_scalars() const;
  void check_shapes(const Bhld& q, const Bhld& k, const Bhld& v) const;
  void expect_shape(std::string_view name, const Bhld& view,
                    const Sizes& expected) const;
  int64_t kv_heads_of(const Bhld& k) const;
  void read_bias();
  void read_alibi();
  void read_pair_rows();
  Positions read_positions(std::string_view name, const TensorView& view,
                           int64_t length) const;

  const AttentionShape& shape_;
  const AttentionOptions& options_;
  const Storage storage_;
  AttentionInputs inputs_;
};

// Copies stay where they are while others are made.
const TensorView& Checker::as_f32(std::string_view name,
                                  const TensorView& view) {
  check_float(kOperation, name, view);
  if (view.dtype() == DType::f32) return view;
  inputs_.copies.push_back(to_f32(view));
  return inputs_.copies.back().view();
}

Bhld Checker::as_bhld(std::string_view name, const TensorView& view) {
  const Bhld given(kOperation, name, view, options_.layout);
  check_float(kOperation, name, view);
  if (storage_ == Storage::as_given) return given;
  return {kOperation, name, as_f32(name, view), options_.layout};
}

void Checker::check_scalars() const {
  if (options_.scale && !std::isfinite(*options_.scale)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the scale is {}; expected a finite number", *options_.scale);
  }
  // 1 / softcap must be finite, so that a score of 0 stays 0.
  const float softcap = options_.softcap;
  if (softcap != 0 && !(softcap > 0 && std::isnormal(softcap))) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the softcap is {}; expected 0 (none) or a number from 2^-126 on",
         softcap);
  }
  check_threads(kOperation, options_.threads);
}

// Shapes in messages are in the caller's order of axes.
void Checker::expect_shape(std::string_view name, const Bhld& view,
                           const Sizes& expected) const {
  if (view.sizes() == expected) return;
  Sizes found = view.sizes();
  Sizes wanted = expected;
  const Sizes swapped = {wanted[0], wanted[2], wanted[1], wanted[3]};
  const bool axes_swapped = found == swapped;
  if (options_.layout == Layout::blhd) {
    std::swap(found[1], found[2]);
    std::swap(wanted[1], wanted[2]);
  }
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected {} of shape {}, got {}{}", name, to_string(shape_of(wanted)),
       to_string(shape_of(found)),
       axes_swapped ? "; the head and length axes look swapped" : "");
}

// The kv heads that k has or, where its axes are swapped, was meant to have.
int64_t Checker::kv_heads_of(const Bhld& k) const {
  const auto fits = [&](int64_t kv_heads) {
    return kv_heads > 0 ? shape_.heads % kv_heads == 0 : shape_.heads == 0;
  };
  const bool axes_swapped =
      k.dim(1) == shape_.kv_len && k.dim(2) != shape_.kv_len && fits(k.dim(2));
  const int64_t kv_heads = k.dim(axes_swapped ? 2 : 1);
  if (fits(kv_heads)) return kv_heads;
  // The length may have been taken from this k, whose third axis are its heads.
  const bool looks_swapped = k.dim(1) == shape_.q_len && fits(k.dim(2));
  fail(ErrorCode::shape_mismatch, kOperation,
       "k has {} heads and q has {}; expected a number of kv heads that "
       "divides the query heads{}",
       kv_heads, shape_.heads,
       looks_swapped ? "; the head and length axes look swapped" : "");
}

void Checker::check_shapes(const Bhld& q, const Bhld& k, const Bhld& v) const {
  expect_shape("q", q, {shape_.batch, shape_.heads, shape_.q_len, q.dim(3)});
  if (q.dim(3) < 1) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "q has head_dim 0; expected at least 1");
  }
  const int64_t kv_heads = kv_heads_of(k);
  expect_shape("k", k, {shape_.batch, kv_heads, shape_.kv_len, q.dim(3)});
  expect_shape("v", v, {shape_.batch, kv_heads, shape_.kv_len, v.dim(3)});
}

void Checker::read_bias() {
  if (!options_.bias.defined()) return;
  const Sizes pairs = {shape_.batch, shape_.heads, shape_.q_len, shape_.kv_len};
  const std::optional<Input> input =
      broadcast(as_f32("bias", options_.bias), pairs);
  if (!input) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected a bias that broadcasts to [B, H, Lq, Lk] = {}, got {}",
         to_string(shape_of(pairs)), to_string(options_.bias.shape()));
  }
  inputs_.problem.bias = *input;
}

Positions Checker::read_positions(std::string_view name, const TensorView& view,
                                  int64_t length) const {
  if (!view.defined()) return {};
  const bool is_each = view.rank() == 2 && view.dim(0) == shape_.batch;
  if ((view.rank() != 1 && !is_each) || view.dim(view.rank() - 1) != length) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape [{}] or {}, got {}", name, length,
         to_string(Shape{shape_.batch, length}), to_string(view.shape()));
  }
  if (view.dtype() != DType::i32 && view.dtype() != DType::i64) {
    fail(ErrorCode::invalid_argument, kOperation,
         "expected {} of type i32 or i64, got {}", name, name_of(view.dtype()));
  }
  const Positions positions = {
      .data = view.bytes(),
      .stride = {is_each ? view.stride(0) : 0, view.stride(view.rank() - 1)},
      .dtype = view.dtype()};
  for (int64_t i = 0; i < (is_each ? shape_.batch : 1) * length; ++i) {
    const int64_t position = positions.at(i / length, i % length);
    if (position >= -kFarthest && position <= kFarthest) continue;
    fail(ErrorCode::invalid_argument, kOperation,
         "{} holds {}; expected positions between -2^62 and 2^62", name,
         position);
  }
  return positions;
}

void Checker::read_alibi() {
  const Alibi& alibi = options_.alibi;
  if (!alibi.slopes.defined()) {
    if (!alibi.q_positions.defined() && !alibi.kv_positions.defined()) return;
    fail(ErrorCode::invalid_argument, kOperation,
         "positions are given without alibi slopes; expected both or neither");
  }
  if (alibi.slopes.rank() != 1 || alibi.slopes.dim(0) != shape_.heads) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected alibi slopes of shape [H] = [{}], got {}", shape_.heads,
         to_string(alibi.slopes.shape()));
  }
  const TensorView& slopes = as_f32("alibi slopes", alibi.slopes);
  ForwardProblem& problem = inputs_.problem;
  problem.slopes = slopes.data<float>();
  problem.slope_step = slopes.stride(0);
  problem.q_positions =
      read_positions("q_positions", alibi.q_positions, shape_.q_len);
  problem.kv_positions =
      read_positions("kv_positions", alibi.kv_positions, shape_.kv_len);
}

// The options outlive the call: the rows stay where they are.
void Checker::read_pair_rows() {
  const std::vector<int64_t>& rows = options_.pair_rows;
  if (rows.empty()) return;
  if (options_.weights == Weights::none && options_.scores == Scores::none) {
    fail(ErrorCode::invalid_argument, kOperation,
         "rows are chosen of neither weights nor scores; expected one of the "
         "two to be asked for");
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= shape_.q_len) {
      fail(ErrorCode::invalid_argument, kOperation,
           "weights and scores of row {} are asked for; expected 0 <= row < {}",
           rows[i], shape_.q_len);
    }
    if (i > 0 && rows[i] <= rows[i - 1]) {
      fail(ErrorCode::invalid_argument, kOperation,
           "weights and scores of row {} are asked for after those of row {}; "
           "expected rows in ascending order, each once",
           rows[i], rows[i - 1]);
    }
  }
  inputs_.problem.pair_rows = rows;
}

AttentionInputs Checker::run(const TensorView& q, const TensorView& k,
                             const TensorView& v) {
  check_scalars();
  const Bhld q4 = as_bhld("q", q);
  const Bhld k4 = as_bhld("k", k);
  const Bhld v4 = as_bhld("v", v);
  check_shapes(q4, k4, v4);
  ForwardProblem& problem = inputs_.problem;
  problem.kv_heads = k4.dim(1);
  problem.value_dim = v4.dim(3);
  problem.k = k4.input();
  problem.v = v4.input();
  read_bias();
  read_queries(q4);
  return std::move(inputs_);
}

AttentionInputs Checker::run_queries(const TensorView& q) {
  check_scalars();
  read_queries(as_bhld("q", q));
  return std::move(inputs_);
}

void Checker::read_queries(const Bhld& q4) {
  ForwardProblem& problem = inputs_.problem;
  problem.shape = {shape_.batch, shape_.heads, shape_.q_len, shape_.kv_len};
  problem.head_dim = q4.dim(3);
  problem.scale = options_.scale.value_or(static_cast<float>(
      1.0 / std::sqrt(static_cast<double>(problem.head_dim))));
  problem.softcap = options_.softcap;
  problem.q = q4.input();
  read_alibi();
  read_pair_rows();
}

}  // namespace

void check_float(std::string_view operation, std::string_view name,
                 const TensorView& view) {
  if (view.bytes() == nullptr && view.size() > 0) {
    fail(ErrorCode::invalid_argument, operation,
         "found no memory for {} of {}; expected a pointer to its elements",
         name, to_string(view.shape()));
  }
  if (is_attention_float(view.dtype())) return;
  fail(ErrorCode::invalid_argument, operation,
       "expected {} of type f32, f16 or bf16, got {}; convert it", name,
       name_of(view.dtype()));
}

void check_threads(std::string_view operation, std::optional<int> threads) {
  if (!threads || (*threads >= 1 && *threads <= kMostThreads)) return;
  fail(ErrorCode::invalid_argument, operation, "{} threads; expected 1 to {}",
       *threads, kMostThreads);
}

AttentionInputs check_attention(const TensorView& q, const TensorView& k,
                                const TensorView& v,
                                const AttentionShape& shape,
                                const AttentionOptions& options,
                                Storage storage) {
  return Checker(shape, options, storage).run(q, k, v);
}

AttentionInputs check_queries(const TensorView& q, const AttentionShape& shape,
                              const AttentionOptions& options) {
  return Checker(shape, options, Storage::as_given).run_queries(q);
}

}  // namespace maskwise::detail
