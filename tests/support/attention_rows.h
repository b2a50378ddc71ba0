// Parts of calls and of results: ranges of an axis, chosen keys, single rows.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_ROWS_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_ROWS_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/support/attention_case.h"

namespace maskwise::testing {

// `size` entries of one axis, from `begin` on; the same memory.
inline TensorView narrowed(const TensorView& view, int64_t axis, int64_t begin,
                           int64_t size) {
  Shape shape = view.shape();
  shape[static_cast<size_t>(axis)] = size;
  const auto* bytes = static_cast<const unsigned char*>(view.bytes());
  return TensorView(bytes + begin * view.stride(axis) * size_of(view.dtype()),
                    view.dtype(), std::move(shape), view.strides());
}

// The entries of axis 2 or 3 of a rank 4 f32 view, in the order of `entries`.
inline Tensor gathered(const TensorView& view, int64_t axis,
                       const std::vector<int64_t>& entries) {
  Shape shape = view.shape();
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(entries.size());
  Tensor result(DType::f32, shape);
  float* out = result.mutable_data<float>();
  for (int64_t i = 0; i < shape[0] * shape[1]; ++i) {
    const float* in = view.data<float>() + i / shape[1] * view.stride(0) +
                      i % shape[1] * view.stride(1);
    for (int64_t a = 0; a < shape[2]; ++a) {
      for (int64_t b = 0; b < shape[3]; ++b) {
        const int64_t row = axis == 2 ? entries[static_cast<size_t>(a)] : a;
        const int64_t column = axis == 3 ? entries[static_cast<size_t>(b)] : b;
        *out++ = in[row * view.stride(2) + column * view.stride(3)];
      }
    }
  }
  return result;
}

struct RowIndex {
  int64_t b = 0;
  int64_t h = 0;
  int64_t q = 0;
};

// Calls visit(RowIndex) for every row of the shape.
template <typename Visit>
void for_each_row(const AttentionShape& shape, Visit visit) {
  for (int64_t b = 0; b < shape.batch; ++b) {
    for (int64_t h = 0; h < shape.heads; ++h) {
      for (int64_t q = 0; q < shape.q_len; ++q) visit(RowIndex{b, h, q});
    }
  }
}

// A tensor of the case as [B, H, L, D].
inline TensorView as_bhld(const AttentionCase& call, const TensorView& view) {
  return call.options.layout == Layout::bhld ? view
                                             : view.permuted({0, 2, 1, 3});
}

// Rows [q, q + rows) of one (batch, head) of a [B, H, Lq, ...] tensor.
inline Tensor rows_of(const TensorView& view, const RowIndex& row,
                      int64_t rows = 1) {
  return Tensor::copy_of(narrowed(
      narrowed(narrowed(view, 0, row.b, 1), 1, row.h, 1), 2, row.q, rows));
}

// What the result says about these rows.
inline AttentionResult rows_of(const AttentionResult& result, Layout layout,
                               const RowIndex& row, int64_t rows = 1) {
  const TensorView o = layout == Layout::bhld
                           ? result.o.view()
                           : result.o.view().permuted({0, 2, 1, 3});
  AttentionResult part;
  part.o = rows_of(o, row, rows);
  part.lse = rows_of(result.lse, row, rows);
  part.m = rows_of(result.m, row, rows);
  part.l = rows_of(result.l, row, rows);
  if (result.weights.defined()) {
    part.weights = rows_of(result.weights, row, rows);
  }
  if (result.scores.defined()) part.scores = rows_of(result.scores, row, rows);
  return part;
}

// The same with only these columns of weights and scores.
inline AttentionResult with_keys(AttentionResult result,
                                 const std::vector<int64_t>& keys) {
  for (Tensor* pairs : {&result.weights, &result.scores}) {
    if (pairs->defined()) *pairs = gathered(*pairs, 3, keys);
  }
  return result;
}

// Keys [begin, begin + size), as numbers.
inline std::vector<int64_t> key_range(int64_t begin, int64_t size) {
  std::vector<int64_t> keys;
  for (int64_t k = begin; k < begin + size; ++k) keys.push_back(k);
  return keys;
}

// Positions [L] or [B, L], or counted from 0: those of one batch item.
inline std::vector<int64_t> positions_of(const Tensor& given, int64_t b,
                                         int64_t length) {
  if (!given.defined()) return key_range(0, length);
  const std::vector<int64_t> every = to_int64(given);
  const int64_t first = given.rank() == 2 ? b * length : 0;
  return {every.begin() + first, every.begin() + first + length};
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_ROWS_H_
