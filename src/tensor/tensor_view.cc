#include "maskwise/tensor_view.h"

#include <algorithm>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"

namespace maskwise {
namespace {

void require_defined(const TensorView& view) {
  if (view.defined()) return;
  detail::fail(ErrorCode::invalid_argument, "tensor view",
               "found a view that was not given; expected one of a tensor");
}

}  // namespace

std::string to_string(const Shape& shape) {
  return "[" + detail::joined(shape, ", ") + "]";
}

int64_t element_count(const Shape& shape) {
  int64_t count = 1;
  bool overflow = false;
  for (const int64_t size : shape) {
    if (size < 0) {
      detail::fail(ErrorCode::invalid_argument, "shape",
                   "found a negative size in {}; expected sizes >= 0",
                   to_string(shape));
    }
    const auto product = detail::checked_product(count, size);
    overflow = overflow || !product;
    count = product.value_or(count);
  }
  // A zero anywhere makes the tensor empty, however large the others are.
  if (std::ranges::find(shape, 0) != shape.end()) return 0;
  if (overflow) {
    detail::fail(ErrorCode::limit, "shape",
                 "the size of {} does not fit in 63 bits", to_string(shape));
  }
  return count;
}

Shape contiguous_strides(const Shape& shape) {
  element_count(shape);  // refuses what is no shape
  Shape strides(shape.size());
  int64_t step = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = step;
    // What does not fit is a stride of an empty tensor: it is never used.
    step = detail::checked_product(step, std::max<int64_t>(shape[i], 1))
               .value_or(0);
  }
  return strides;
}

TensorView::TensorView(const void* data, DType dtype, Shape shape)
    : data_(data),
      dtype_(dtype),
      shape_(std::move(shape)),
      strides_(contiguous_strides(shape_)),
      size_(element_count(shape_)),
      defined_(true) {}

TensorView::TensorView(const void* data, DType dtype, Shape shape,
                       Shape strides)
    : data_(data),
      dtype_(dtype),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      size_(element_count(shape_)),
      defined_(true) {
  const bool fits =
      strides_.size() == shape_.size() &&
      std::ranges::all_of(strides_, [](int64_t stride) { return stride >= 0; });
  if (!fits) {
    detail::fail(ErrorCode::invalid_argument, "tensor view",
                 "expected one stride >= 0 for each axis of {}, got {}",
                 to_string(shape_), to_string(strides_));
  }
}

bool TensorView::is_contiguous() const {
  return size() == 0 || strides_ == contiguous_strides(shape_);
}

TensorView TensorView::permuted(const std::vector<int64_t>& axes) const {
  require_defined(*this);
  std::vector<int64_t> sorted = axes;
  std::ranges::sort(sorted);
  bool permutation = axes.size() == shape_.size();
  for (size_t i = 0; permutation && i < sorted.size(); ++i) {
    permutation = sorted[i] == static_cast<int64_t>(i);
  }
  if (!permutation) {
    detail::fail(ErrorCode::invalid_argument, "tensor view",
                 "expected an order of the {} axes, got {}", shape_.size(),
                 to_string(axes));
  }
  Shape shape;
  Shape strides;
  for (const int64_t axis : axes) {
    shape.push_back(dim(axis));
    strides.push_back(stride(axis));
  }
  return TensorView(data_, dtype_, std::move(shape), std::move(strides));
}

TensorView TensorView::broadcast_to(const Shape& shape) const {
  require_defined(*this);
  bool fits = shape.size() >= shape_.size();
  Shape strides(shape.size(), 0);
  const size_t lead = fits ? shape.size() - shape_.size() : 0;
  for (size_t i = 0; fits && i < shape_.size(); ++i) {
    if (shape_[i] == shape[lead + i]) {
      strides[lead + i] = strides_[i];
    } else {
      fits = shape_[i] == 1;
    }
  }
  if (!fits) {
    detail::fail(ErrorCode::shape_mismatch, "tensor view",
                 "{} does not broadcast to {}: from the right, each axis must "
                 "be equal or 1",
                 to_string(shape_), to_string(shape));
  }
  return TensorView(data_, dtype_, shape, std::move(strides));
}

void TensorView::require_dtype(DType wanted) const {
  if (dtype_ == wanted) return;
  detail::fail(ErrorCode::invalid_argument, "tensor view",
               "expected elements of type {}, got {}", name_of(wanted),
               name_of(dtype_));
}

}  // namespace maskwise
