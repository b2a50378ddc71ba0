// ONNX Attention's mask, causality, windows and lengths as words and a bias.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "mask/length_checks.h"
#include "mask/position.h"
#include "mask/tensor_checks.h"
#include "maskwise/mask_import.h"

namespace maskwise {
namespace detail {
namespace {

constexpr std::string_view kWord = "from_onnx_attention";
constexpr int64_t kUnlimited = -1;

// attn_mask as f32. A finite f64 must not become infinite on its way.
Tensor read_scores(const MaskTensor& attn_mask) {
  Tensor scores = to_f32(attn_mask.view);
  if (attn_mask.view.dtype() != DType::f64) return scores;
  const Tensor exact = Tensor::copy_of(attn_mask.view);
  for (int64_t i = 0; i < exact.size(); ++i) {
    if (std::isinf(scores.data<float>()[i]) &&
        !std::isinf(exact.data<double>()[i])) {
      fail(ErrorCode::invalid_argument, "mask",
           "{}: element {} is {:g}; expected -inf or a number that f32 holds",
           said_as(kWord, attn_mask), i, exact.data<double>()[i]);
    }
  }
  return scores;
}

bool is_minus_inf(float value) { return std::isinf(value) && value < 0; }

// The finite values of `scores`, with 0 for -inf and for the keys beyond the
// last axis, up to kv_len; not defined where that is 0 everywhere.
Tensor bias_of(const Tensor& scores, int64_t kv_len) {
  Shape shape = scores.shape();
  const int64_t found = shape.back();
  shape.back() = std::max(found, kv_len);
  Tensor bias(DType::f32, shape);
  bool any = false;
  for (int64_t i = 0; i < scores.size(); ++i) {
    const float value = scores.data<float>()[i];
    if (is_minus_inf(value) || value == 0) continue;
    bias.mutable_data<float>()[i / found * shape.back() + i % found] = value;
    any = true;
  }
  return any ? bias : Tensor();
}

// Whether each value is no -inf; not defined where all are and none is short.
Tensor visible_of(const Tensor& scores, int64_t kv_len) {
  Tensor visible(DType::boolean, scores.shape());
  bool all_visible = scores.shape().back() >= kv_len;
  for (int64_t i = 0; i < scores.size(); ++i) {
    const bool sees = !is_minus_inf(scores.data<float>()[i]);
    visible.mutable_data<bool>()[i] = sees;
    all_visible = all_visible && sees;
  }
  return all_visible ? Tensor() : visible;
}

class OnnxReader {
 public:
  OnnxReader(const OnnxAttention& said, const AttentionShape& shape)
      : said_(said), shape_(shape) {}

  OnnxMask run() {
    check();
    read_attn_mask();
    const Position position{.offset = offset()};
    if (said_.is_causal) add(causal(position));
    if (said_.left_window_size >= 0 || said_.right_window_size >= 0) {
      add(sliding_window({.left = side(said_.left_window_size),
                          .right = side(said_.right_window_size),
                          .offset = position.offset}));
    }
    if (said_.nonpad_kv_seqlen) add(lengths(*said_.nonpad_kv_seqlen));
    return {mask_.value_or(all()), std::move(bias_)};
  }

 private:
  void add(const Mask& mask) { mask_ = mask_ ? *mask_ & mask : mask; }

  static std::optional<int64_t> side(int64_t keys) {
    return keys == kUnlimited ? std::nullopt : std::optional(keys);
  }

  void check() const {
    for (const int64_t keys :
         {said_.left_window_size, said_.right_window_size}) {
      if (keys >= kUnlimited) continue;
      fail(ErrorCode::invalid_argument, "mask",
           "{}: a window of {}; expected -1 (unlimited) or a number of keys",
           kWord, keys);
    }
    const int64_t past = said_.past_sequence_length;
    if (past < 0 || past > shape_.kv_len) {
      fail(ErrorCode::invalid_argument, "mask",
           "{}: past_sequence_length is {}; expected 0 to kv_len = {}", kWord,
           past, shape_.kv_len);
    }
    if (past > 0 && said_.nonpad_kv_seqlen) {
      fail(ErrorCode::invalid_argument, "mask",
           "{}: both past_sequence_length and nonpad_kv_seqlen are given; "
           "expected one of them: the cache grows inside the operator or "
           "outside",
           kWord);
    }
  }

  // The last axis may be shorter than the keys; the others are broadcast.
  void check_fits(const MaskTensor& attn_mask) const {
    const TensorView& view = attn_mask.view;
    const Shape sizes = {shape_.batch, shape_.heads, shape_.q_len,
                         shape_.kv_len};
    bool fits = view.rank() >= 1 && view.rank() <= 4;
    for (int64_t i = 0; fits && i < view.rank(); ++i) {
      const int64_t found = view.dim(view.rank() - 1 - i);
      const int64_t wanted = sizes[static_cast<size_t>(3 - i)];
      fits = i == 0 ? found <= wanted : found == wanted || found == 1;
    }
    if (fits) return;
    fail(ErrorCode::shape_mismatch, "mask",
         "{}: expected 1 to 4 axes that broadcast to [B, H, Lq, Lk] = {}, the "
         "last at most {} long, got {}",
         said_as(kWord, attn_mask), to_string(sizes), shape_.kv_len,
         to_string(view.shape()));
  }

  // Where query 0 stands.
  PerBatch offset() const {
    if (!said_.nonpad_kv_seqlen) return said_.past_sequence_length;
    check_is_list(kWord, *said_.nonpad_kv_seqlen);
    std::vector<int64_t> each = resolve_per_batch(
        kWord, "nonpad_kv_seqlen", *said_.nonpad_kv_seqlen, shape_.batch);
    check_lengths(kWord, each, shape_.kv_len);
    for (int64_t& length : each) length -= shape_.q_len;
    return each;
  }

  void read_attn_mask() {
    if (!said_.attn_mask) return;
    const MaskTensor& attn_mask = *said_.attn_mask;
    check_fits(attn_mask);
    if (!is_floating(attn_mask.view.dtype())) return add(from_onnx(attn_mask));
    const Tensor scores = read_scores(attn_mask);
    bias_ = bias_of(scores, shape_.kv_len);
    const Tensor visible = visible_of(scores, shape_.kv_len);
    if (visible.defined()) add(from_onnx({attn_mask.name, visible}));
  }

  const OnnxAttention& said_;
  const AttentionShape& shape_;
  std::optional<Mask> mask_;
  Tensor bias_;
};

}  // namespace
}  // namespace detail

OnnxMask from_onnx_attention(const OnnxAttention& said,
                             const AttentionShape& shape) {
  return detail::OnnxReader(said, shape).run();
}

}  // namespace maskwise
