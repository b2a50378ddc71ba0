#include "inspect/verify_poison.h"

#include <algorithm>
#include <bit>

#include "maskwise/mask.h"

namespace maskwise::detail {
namespace {

// Writes one line of `width` into each copy of `lines` lines.
void write_line(const float* line, int64_t step, int64_t width, float* out,
                int64_t copy_size) {
  for (int64_t copy = 0; copy < kPoisonCount; ++copy, out += copy_size) {
    for (int64_t d = 0; d < width; ++d) out[d] = line[d * step];
  }
}

void poison_line(int64_t width, float* out, int64_t copy_size) {
  for (const uint32_t bits : kPoisons) {
    std::fill_n(out, width, std::bit_cast<float>(bits));
    out += copy_size;
  }
}

}  // namespace

PoisonedKeys::PoisonedKeys(const ForwardProblem& problem)
    : problem_(problem),
      states_(static_cast<size_t>(problem.shape.kv_len), State::foreign),
      k_(static_cast<size_t>(kPoisonCount * problem.shape.kv_len *
                             problem.head_dim)),
      v_(static_cast<size_t>(kPoisonCount * problem.shape.kv_len *
                             problem.value_dim)) {}

void PoisonedKeys::poison_unseen(int64_t batch, int64_t kv_head,
                                 const std::vector<uint8_t>& seen) {
  if (batch != batch_ || kv_head != kv_head_) {
    batch_ = batch;
    kv_head_ = kv_head;
    std::ranges::fill(states_, State::foreign);
  }
  for (size_t key = 0; key < seen.size(); ++key) {
    const State wanted = seen[key] == 0 ? State::poisoned : State::own;
    if (states_[key] == wanted) continue;
    write_key(static_cast<int64_t>(key), wanted);
    states_[key] = wanted;
  }
}

void PoisonedKeys::write_key(int64_t key, State state) {
  const int64_t keys = problem_.shape.kv_len;
  const int64_t head_dim = problem_.head_dim;
  const int64_t value_dim = problem_.value_dim;
  float* k = k_.data() + key * head_dim;
  float* v = v_.data() + key * value_dim;
  if (state == State::poisoned) {
    poison_line(head_dim, k, keys * head_dim);
    poison_line(value_dim, v, keys * value_dim);
    return;
  }
  write_line(problem_.k.at(batch_, kv_head_, key), problem_.k.stride[3],
             head_dim, k, keys * head_dim);
  write_line(problem_.v.at(batch_, kv_head_, key), problem_.v.stride[3],
             value_dim, v, keys * value_dim);
}

TensorView PoisonedKeys::k() const {
  return TensorView(
      k_.data(), DType::f32,
      {kPoisonCount, 1, problem_.shape.kv_len, problem_.head_dim});
}

TensorView PoisonedKeys::v() const {
  return TensorView(
      v_.data(), DType::f32,
      {kPoisonCount, 1, problem_.shape.kv_len, problem_.value_dim});
}

MaskPlan watched_plan(const std::vector<uint8_t>& seen, int64_t rows) {
  const auto keys = static_cast<int64_t>(seen.size());
  Tensor allowed(DType::boolean, {rows + 1, keys});
  bool* out = allowed.mutable_data<bool>();
  for (int64_t row = 0; row <= rows; ++row) {
    const uint8_t own = row < rows ? 1 : 0;
    for (const uint8_t flag : seen) *out++ = flag == own;
  }
  return compile(allow(allowed).bind({kPoisonCount, 1, rows + 1, keys}));
}

Tensor poisoned_lines(const Tensor& lines, const std::vector<uint8_t>& seen) {
  const int64_t width = lines.dim(3);
  Tensor copies(DType::f32, {kPoisonCount, lines.dim(1), lines.dim(2), width});
  const float* line = lines.data<float>();
  auto* out = copies.mutable_data<float>();
  for (const uint8_t flag : seen) {
    if (flag == 0) {
      poison_line(width, out, lines.size());
    } else {
      write_line(line, 1, width, out, lines.size());
    }
    line += width;
    out += width;
  }
  return copies;
}

Tensor poisoned_bias(const Tensor& bias, const std::vector<uint8_t>& seen) {
  const int64_t rows = bias.dim(2);
  const int64_t keys = bias.dim(3);
  Tensor poisoned(DType::f32, {kPoisonCount, 1, rows, keys});
  float* out = poisoned.mutable_data<float>();
  for (const uint32_t bits : kPoisons) {
    const float* in = bias.data<float>();
    for (int64_t row = 0; row + 1 < rows; ++row) {
      for (const uint8_t flag : seen) {
        *out++ = flag == 0 ? std::bit_cast<float>(bits) : *in;
        ++in;
      }
    }
    out += keys;
  }
  return poisoned;
}

}  // namespace maskwise::detail
