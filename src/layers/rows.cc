#include "layers/rows.h"

#include <algorithm>

#include "base/fail.h"

namespace maskwise::nn::detail {

using maskwise::detail::fail;

namespace {

bool is_present(const Rows& rows, int64_t i) {
  const float* row = rows.at(i);
  return std::any_of(row, row + rows.width(), [](float x) { return x != 0; });
}

}  // namespace

Rows::Rows(std::string_view operation, std::string_view name,
           const TensorView& view, int64_t width)
    : width_(width) {
  const bool fits =
      view.defined() && view.rank() > 0 && view.dim(view.rank() - 1) == width;
  if (!fits) {
    fail(ErrorCode::shape_mismatch, operation,
         "expected {} of shape [..., {}], got {}", name, width,
         view.defined() ? to_string(view.shape()) : "nothing");
  }
  if (view.dtype() != DType::f32) {
    fail(ErrorCode::invalid_argument, operation,
         "expected {} of type f32, got {}; convert it", name,
         name_of(view.dtype()));
  }
  if (view.is_contiguous()) {
    data_ = view.data<float>();
  } else {
    copy_ = Tensor::copy_of(view);
    data_ = copy_.data<float>();
  }
  shape_ = view.shape();
  count_ = width == 0 ? 0 : view.size() / width;
}

Shape Rows::shape_of(int64_t width) const {
  Shape shape = shape_;
  shape.back() = width;
  return shape;
}

void check_same_rows(std::string_view operation, const Rows& x,
                     const Rows& d_y) {
  const Shape expected = x.shape_of(d_y.width());
  const Shape found = d_y.shape_of(d_y.width());
  if (found == expected) return;
  fail(ErrorCode::shape_mismatch, operation, "expected d_y of shape {}, got {}",
       to_string(expected), to_string(found));
}

void check_kept(std::string_view operation, std::string_view name,
                const Tensor& kept, const Shape& expected) {
  if (kept.defined() && kept.shape() == expected) return;
  fail(ErrorCode::shape_mismatch, operation,
       "expected {} of shape {}, got {}; pass what forward() returned", name,
       to_string(expected),
       kept.defined() ? to_string(kept.shape()) : "nothing");
}

std::vector<int64_t> rows_present(const Rows& rows) {
  std::vector<int64_t> present;
  for (int64_t i = 0; i < rows.count(); ++i) {
    if (is_present(rows, i)) present.push_back(i);
  }
  return present;
}

void clear_absent(const Rows& d_y, Tensor& d) {
  const int64_t width = d.size() / std::max<int64_t>(1, d_y.count());
  for (int64_t i = 0; i < d_y.count(); ++i) {
    if (is_present(d_y, i)) continue;
    std::fill_n(d.mutable_data<float>() + i * width, width, 0.0F);
  }
}

Tensor gathered_rows(const ConstRows& from, const std::vector<int64_t>& rows,
                     const Shape& shape) {
  Tensor result = Tensor::unfilled(DType::f32, shape);
  auto* to = result.mutable_data<float>();
  for (const int64_t row : rows) {
    to = std::copy_n(from.data + row * from.step, from.width, to);
  }
  return result;
}

Tensor scattered_rows(const ConstRows& from, const std::vector<int64_t>& rows,
                      const Shape& shape) {
  Tensor result = Tensor::unfilled(DType::f32, shape);
  auto* to = result.mutable_data<float>();
  const bool is_full = std::ssize(rows) * from.width == result.size();
  if (!is_full) std::fill_n(to, result.size(), 0.0F);
  const float* next = from.data;
  for (const int64_t row : rows) {
    std::copy_n(next, from.width, to + row * from.width);
    next += from.step;
  }
  return result;
}

ConstRows dense_rows(const Tensor& x) {
  const int64_t width = x.dim(x.rank() - 1);
  return {x.data<float>(), width == 0 ? 0 : x.size() / width, width, width};
}

ChosenRows::ChosenRows(const Rows& rows, const std::vector<int64_t>& chosen)
    : span_(rows.span()) {
  if (std::ssize(chosen) == rows.count()) return;
  copy_.reserve(chosen.size() * static_cast<size_t>(rows.width()));
  for (const int64_t row : chosen) {
    copy_.insert(copy_.end(), rows.at(row), rows.at(row) + rows.width());
  }
  span_.data = copy_.data();
  span_.count = std::ssize(chosen);
}

}  // namespace maskwise::nn::detail
