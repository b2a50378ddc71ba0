#include "attention/attention_checks.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "base/fail.h"

namespace maskwise::detail {
namespace {

constexpr std::string_view kOperation = "attention";

// Threads beyond this are a typing error, not a machine.
constexpr int kMostThreads = 1024;

// The difference of two positions within this fits in 63 bits.
constexpr int64_t kFarthest = (int64_t{1} << 62) - 1;

bool is_attention_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::f16 || dtype == DType::bf16;
}

class Checker {
 public:
  Checker(const AttentionShape& shape, const AttentionOptions& options)
      : shape_(shape), options_(options) {}

  AttentionInputs run(const TensorView& q, const TensorView& k,
                      const TensorView& v);
  AttentionInputs run_queries(const TensorView& q);

 private:
  void read_queries(const TensorView& q4);
  TensorView as_bhld(std::string_view name, const TensorView& view);
  TensorView as_f32(std::string_view name, const TensorView& view);
  void check_scalars() const;
  void check_shapes(const TensorView& q, const TensorView& k,
                    const TensorView& v) const;
  void expect_shape(std::string_view name, const TensorView& view,
                    const Shape& expected) const;
  int64_t kv_heads_of(const TensorView& k) const;
  void read_bias();
  void read_alibi();
  std::vector<int64_t> read_positions(std::string_view name,
                                      const TensorView& view,
                                      int64_t length) const;

  const AttentionShape& shape_;
  const AttentionOptions& options_;
  AttentionInputs inputs_;
};

Input input_of(const TensorView& view) {
  Input input;
  input.data = view.data<float>();
  for (int64_t axis = 0; axis < 4; ++axis) {
    input.stride[axis] = view.stride(axis);
  }
  return input;
}

TensorView Checker::as_f32(std::string_view name, const TensorView& view) {
  if (!is_attention_float(view.dtype())) {
    fail(ErrorCode::invalid_argument, kOperation,
         "expected {} of type f32, f16 or bf16, got {}; convert it", name,
         name_of(view.dtype()));
  }
  if (view.dtype() == DType::f32) return view;
  inputs_.copies.push_back(to_f32(view));
  return inputs_.copies.back().view();
}

TensorView Checker::as_bhld(std::string_view name, const TensorView& view) {
  if (!view.defined() || view.rank() != 4) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} with 4 axes ({}), got {}", name,
         options_.layout == Layout::bhld ? "[B, H, L, D]" : "[B, L, H, D]",
         view.defined() ? to_string(view.shape()) : "nothing");
  }
  const TensorView f32 = as_f32(name, view);
  return options_.layout == Layout::bhld ? f32 : f32.permuted({0, 2, 1, 3});
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
  if (options_.threads &&
      (*options_.threads < 1 || *options_.threads > kMostThreads)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} threads; expected 1 to {}", *options_.threads, kMostThreads);
  }
}

// Shapes in messages are in the caller's order of axes.
void Checker::expect_shape(std::string_view name, const TensorView& view,
                           const Shape& expected) const {
  if (view.shape() == expected) return;
  Shape found = view.shape();
  Shape wanted = expected;
  const Shape swapped = {wanted[0], wanted[2], wanted[1], wanted[3]};
  const bool axes_swapped = found == swapped;
  if (options_.layout == Layout::blhd) {
    std::swap(found[1], found[2]);
    std::swap(wanted[1], wanted[2]);
  }
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected {} of shape {}, got {}{}", name, to_string(wanted),
       to_string(found),
       axes_swapped ? "; the head and length axes look swapped" : "");
}

// The kv heads that k has or, where its axes are swapped, was meant to have.
int64_t Checker::kv_heads_of(const TensorView& k) const {
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

void Checker::check_shapes(const TensorView& q, const TensorView& k,
                           const TensorView& v) const {
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
  inputs_.bias = as_f32("bias", options_.bias);
  const Shape pairs = {shape_.batch, shape_.heads, shape_.q_len, shape_.kv_len};
  try {
    inputs_.problem.bias = input_of(inputs_.bias.broadcast_to(pairs));
  } catch (const Error&) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected a bias that broadcasts to [B, H, Lq, Lk] = {}, got {}",
         to_string(pairs), to_string(options_.bias.shape()));
  }
}

std::vector<int64_t> Checker::read_positions(std::string_view name,
                                             const TensorView& view,
                                             int64_t length) const {
  const Shape wanted = {shape_.batch, length};
  if (!view.defined()) {
    std::vector<int64_t> positions(static_cast<size_t>(shape_.batch * length));
    for (size_t i = 0; i < positions.size(); ++i) {
      positions[i] = static_cast<int64_t>(i) % length;
    }
    return positions;
  }
  if (view.shape() != wanted && view.shape() != Shape{length}) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape [{}] or {}, got {}", name, length,
         to_string(wanted), to_string(view.shape()));
  }
  if (view.dtype() != DType::i32 && view.dtype() != DType::i64) {
    fail(ErrorCode::invalid_argument, kOperation,
         "expected {} of type i32 or i64, got {}", name, name_of(view.dtype()));
  }
  std::vector<int64_t> positions = to_int64(view.broadcast_to(wanted));
  for (const int64_t position : positions) {
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
  if (alibi.slopes.shape() != Shape{shape_.heads}) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected alibi slopes of shape [H] = [{}], got {}", shape_.heads,
         to_string(alibi.slopes.shape()));
  }
  const Tensor slopes = Tensor::copy_of(as_f32("alibi slopes", alibi.slopes));
  ForwardProblem& problem = inputs_.problem;
  problem.alibi_slopes.assign(slopes.data<float>(),
                              slopes.data<float>() + slopes.size());
  problem.q_positions =
      read_positions("q_positions", alibi.q_positions, shape_.q_len);
  problem.kv_positions =
      read_positions("kv_positions", alibi.kv_positions, shape_.kv_len);
}

AttentionInputs Checker::run(const TensorView& q, const TensorView& k,
                             const TensorView& v) {
  check_scalars();
  const TensorView q4 = as_bhld("q", q);
  const TensorView k4 = as_bhld("k", k);
  const TensorView v4 = as_bhld("v", v);
  check_shapes(q4, k4, v4);
  ForwardProblem& problem = inputs_.problem;
  problem.kv_heads = k4.dim(1);
  problem.value_dim = v4.dim(3);
  problem.k = input_of(k4);
  problem.v = input_of(v4);
  read_bias();
  read_queries(q4);
  return std::move(inputs_);
}

AttentionInputs Checker::run_queries(const TensorView& q) {
  check_scalars();
  read_queries(as_bhld("q", q));
  return std::move(inputs_);
}

void Checker::read_queries(const TensorView& q4) {
  ForwardProblem& problem = inputs_.problem;
  problem.shape = {shape_.batch, shape_.heads, shape_.q_len, shape_.kv_len};
  problem.head_dim = q4.dim(3);
  problem.scale = options_.scale.value_or(static_cast<float>(
      1.0 / std::sqrt(static_cast<double>(problem.head_dim))));
  problem.softcap = options_.softcap;
  problem.q = input_of(q4);
  read_alibi();
}

}  // namespace

AttentionInputs check_attention(const TensorView& q, const TensorView& k,
                                const TensorView& v,
                                const AttentionShape& shape,
                                const AttentionOptions& options) {
  return Checker(shape, options).run(q, k, v);
}

AttentionInputs check_queries(const TensorView& q, const AttentionShape& shape,
                              const AttentionOptions& options) {
  return Checker(shape, options).run_queries(q);
}

}  // namespace maskwise::detail
