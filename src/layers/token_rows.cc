#include "maskwise/nn/token_rows.h"

#include <string_view>

#include "base/fail.h"
#include "layers/rows.h"
#include "layers/token_ids.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "packing";

// x as rows, once it is f32 of a shape.
detail::Rows checked_rows(const TensorView& x, const Shape& expected) {
  if (!x.defined() || x.dtype() != DType::f32 || x.shape() != expected) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected x as f32 of shape {}, got {}", to_string(expected),
         x.defined()
             ? to_string(x.shape()) + " of " + std::string(name_of(x.dtype()))
             : "nothing");
  }
  return detail::Rows(kOperation, "x", x, expected.back());
}

int64_t features_of(const TensorView& x) {
  return x.defined() && x.rank() == 3 ? x.dim(2) : 1;
}

}  // namespace

TokenRows token_rows(const TensorView& ids, int64_t pad) {
  const detail::TokenIds each("token_rows", ids);
  const int64_t length = each.length();
  TokenRows rows;
  rows.sentences.reserve(each.size());
  rows.positions.reserve(each.size());
  int64_t position = 0;
  for (size_t i = 0; i < each.size(); ++i) {
    const auto row = static_cast<int64_t>(i);
    if (row % length == 0) position = 0;
    rows.sentences.push_back(row / length);
    rows.positions.push_back(position);
    if (each[i] != pad) ++position;
  }
  return rows;
}

Packing::Packing(const TensorView& ids, int64_t pad) {
  const detail::TokenIds each(kOperation, ids);
  const TokenRows all = token_rows(ids, pad);
  batch_ = each.batch();
  length_ = each.length();
  std::vector<int64_t> kept;
  for (size_t i = 0; i < each.size(); ++i) {
    if (each[i] == pad) continue;
    slots_.push_back(static_cast<int64_t>(i));
    kept.push_back(each[i]);
    rows_.sentences.push_back(all.sentences[i]);
    rows_.positions.push_back(all.positions[i]);
  }
  ids_ = Tensor::from<int64_t>({1, tokens()}, kept);
  documents_ = Tensor::from<int64_t>({1, tokens()}, rows_.sentences);
}

Tensor Packing::pack(const TensorView& x) const {
  const int64_t width = features_of(x);
  const detail::Rows rows = checked_rows(x, {batch_, length_, width});
  return detail::gathered_rows(rows.span(), slots_, {1, tokens(), width});
}

Tensor Packing::unpack(const TensorView& x) const {
  const int64_t width = features_of(x);
  const detail::Rows rows = checked_rows(x, {1, tokens(), width});
  return detail::scattered_rows(rows.span(), slots_, {batch_, length_, width});
}

}  // namespace maskwise::nn
