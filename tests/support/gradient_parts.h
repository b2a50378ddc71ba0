// Parts of backward calls and of their gradients: some batch items, kv heads,
// queries and keys, and nothing else in memory.
#ifndef MASKWISE_TESTS_SUPPORT_GRADIENT_PARTS_H_
#define MASKWISE_TESTS_SUPPORT_GRADIENT_PARTS_H_

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "tests/support/attention_rows.h"
#include "tests/support/gradient_case.h"

namespace maskwise::testing {

// What of a case is kept; the queries and keys of every item and head.
struct GradientPart {
  int64_t batch_begin = 0;
  int64_t batch = 1;
  int64_t kv_head_begin = 0;
  int64_t kv_heads = 1;
  std::vector<int64_t> queries;
  std::vector<int64_t> keys;
};

inline Tensor reshaped(const Tensor& tensor, Shape shape) {
  Tensor result(tensor.dtype(), std::move(shape));
  if (tensor.byte_size() > 0) {
    std::memcpy(result.mutable_bytes(), tensor.bytes(),
                static_cast<size_t>(tensor.byte_size()));
  }
  return result;
}

// The same elements with axes of 1 in front, up to four.
inline Tensor with_four_axes(const Tensor& tensor) {
  Shape shape = tensor.shape();
  shape.insert(shape.begin(), 4 - shape.size(), 1);
  return reshaped(tensor, shape);
}

// Takes a part out of a case and out of its gradients.
class PartTaker {
 public:
  PartTaker(const GradientCase& from, GradientPart part)
      : from_(from), call_(from.call), part_(std::move(part)) {
    const int64_t kv_heads = as_bhld(call_, call_.k).dim(1);
    const int64_t group = call_.shape.heads / kv_heads;
    head_begin_ = part_.kv_head_begin * group;
    heads_ = part_.kv_heads * group;
  }

  // The part as a case of its own, in the order [B, H, L, D], its bias with
  // four axes. Positions are those from before the deletion.
  GradientCase taken() const {
    GradientCase result;
    AttentionCase& call = result.call;
    call.options = call_.options;
    call.options.layout = Layout::bhld;
    call.shape = {part_.batch, heads_, std::ssize(part_.queries),
                  std::ssize(part_.keys)};
    call.mask = allow(mask());
    call.q = call.own(of_queries(as_bhld(call_, call_.q)));
    call.k = call.own(of_keys(as_bhld(call_, call_.k)));
    call.v = call.own(of_keys(as_bhld(call_, call_.v)));
    result.d_o = call.own(of_queries(as_bhld(call_, from_.d_o)));
    if (from_.d_lse.defined()) result.d_lse = call.own(d_lse());
    if (call_.bias.defined()) {
      call.bias = of_pairs(with_four_axes(call_.bias));
    }
    take_alibi(call);
    return result;
  }

  // Gradients of the whole case at what was taken.
  AttentionGradients of(const AttentionGradients& gradients) const {
    AttentionGradients result;
    result.dq = of_queries(as_bhld(call_, gradients.dq));
    result.dk = of_keys(as_bhld(call_, gradients.dk));
    result.dv = of_keys(as_bhld(call_, gradients.dv));
    if (gradients.dbias.defined()) {
      result.dbias = of_pairs(with_four_axes(gradients.dbias));
    }
    return result;
  }

 private:
  Tensor of_queries(const TensorView& bhld) const {
    return gathered(narrowed(narrowed(bhld, 0, part_.batch_begin, part_.batch),
                             1, head_begin_, heads_),
                    2, part_.queries);
  }

  Tensor of_keys(const TensorView& bhld) const {
    return gathered(narrowed(narrowed(bhld, 0, part_.batch_begin, part_.batch),
                             1, part_.kv_head_begin, part_.kv_heads),
                    2, part_.keys);
  }

  // Of [B, H, Lq, Lk] with any axis 1.
  Tensor of_pairs(const Tensor& bias) const {
    TensorView view = bias;
    if (view.dim(0) > 1) {
      view = narrowed(view, 0, part_.batch_begin, part_.batch);
    }
    if (view.dim(1) > 1) view = narrowed(view, 1, head_begin_, heads_);
    Tensor result = Tensor::copy_of(view);
    if (view.dim(2) > 1) result = gathered(result, 2, part_.queries);
    if (view.dim(3) > 1) result = gathered(result, 3, part_.keys);
    return result;
  }

  Tensor d_lse() const {
    const TensorView& rows = from_.d_lse;
    Shape shape = rows.shape();
    Shape strides = rows.strides();
    shape.push_back(1);
    strides.push_back(1);
    const Tensor taken =
        of_queries(TensorView(rows.bytes(), DType::f32, shape, strides));
    return reshaped(taken, {taken.dim(0), taken.dim(1), taken.dim(2)});
  }

  Tensor mask() const {
    const BoundMask bound = call_.mask.bind(call_.shape);
    Tensor result(DType::boolean,
                  {part_.batch, heads_, std::ssize(part_.queries),
                   std::ssize(part_.keys)});
    bool* out = result.mutable_data<bool>();
    for (int64_t b = 0; b < part_.batch; ++b) {
      for (int64_t h = 0; h < heads_; ++h) {
        for (const int64_t q : part_.queries) {
          for (const int64_t k : part_.keys) {
            *out++ =
                bound.allowed(part_.batch_begin + b, head_begin_ + h, q, k);
          }
        }
      }
    }
    return result;
  }

  void take_alibi(AttentionCase& call) const {
    if (!call_.alibi_slopes.defined()) return;
    call.alibi_slopes =
        Tensor::copy_of(narrowed(call_.alibi_slopes, 0, head_begin_, heads_));
    call.q_positions =
        positions(call_.q_positions, call_.shape.q_len, part_.queries);
    call.kv_positions =
        positions(call_.kv_positions, call_.shape.kv_len, part_.keys);
  }

  Tensor positions(const Tensor& given, int64_t length,
                   const std::vector<int64_t>& entries) const {
    std::vector<int64_t> kept;
    for (int64_t b = 0; b < part_.batch; ++b) {
      const std::vector<int64_t> before =
          positions_of(given, part_.batch_begin + b, length);
      for (const int64_t i : entries) {
        kept.push_back(before[static_cast<size_t>(i)]);
      }
    }
    return Tensor::from({part_.batch, std::ssize(entries)}, kept);
  }

  const GradientCase& from_;
  const AttentionCase& call_;
  GradientPart part_;
  int64_t head_begin_ = 0;
  int64_t heads_ = 0;
};

// Which pairs are visible: allowed by the mask and not removed by a bias.
class VisiblePairs {
 public:
  explicit VisiblePairs(const AttentionCase& call)
      : mask_(call.mask.bind(call.shape)) {
    const auto& [batch, heads, q_len, kv_len] = call.shape;
    if (call.bias.defined()) {
      bias_ = Tensor::copy_of(
          call.bias.view().broadcast_to({batch, heads, q_len, kv_len}));
    }
  }

  bool sees(const RowIndex& row, int64_t k) const {
    if (!mask_.allowed(row.b, row.h, row.q, k)) return false;
    if (!bias_.defined()) return true;
    const int64_t i =
        ((row.b * bias_.dim(1) + row.h) * bias_.dim(2) + row.q) * bias_.dim(3) +
        k;
    return bias_.data<float>()[i] != kMinusInf;
  }

  // Keys that a row sees.
  std::vector<int64_t> keys_of(const RowIndex& row) const {
    std::vector<int64_t> keys;
    for (int64_t k = 0; k < mask_.shape().kv_len; ++k) {
      if (sees(row, k)) keys.push_back(k);
    }
    return keys;
  }

 private:
  BoundMask mask_;
  Tensor bias_;
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_GRADIENT_PARTS_H_
