// A read-only strided view of memory that somebody else owns.
#ifndef MASKWISE_TENSOR_VIEW_H_
#define MASKWISE_TENSOR_VIEW_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/dtype.h"

namespace maskwise {

// Sizes of the axes, outermost first.
using Shape = std::vector<int64_t>;

// "[2, 4, 37, 64]".
std::string to_string(const Shape& shape);

// Product of the axes; 1 for rank 0. Throws Error when a size is negative or
// the product leaves 63 bits.
int64_t element_count(const Shape& shape);

// Strides, in elements, of a dense row-major tensor.
Shape contiguous_strides(const Shape& shape);

// A view never owns: the memory must outlive it. Strides count elements and
// may be 0 (broadcast) or any positive number; a default-made view is empty
// and stands for "not given". Cheap to copy.
class TensorView {
 public:
  TensorView() = default;

  // A dense row-major view of `data`.
  TensorView(const void* data, DType dtype, Shape shape);

  // A strided view; one stride per axis. Throws Error when the counts differ
  // or a stride is negative.
  TensorView(const void* data, DType dtype, Shape shape, Shape strides);

  // False for a default-made view.
  bool defined() const { return defined_; }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Shape& strides() const { return strides_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t dim(int64_t axis) const { return shape_[static_cast<size_t>(axis)]; }
  int64_t stride(int64_t axis) const {
    return strides_[static_cast<size_t>(axis)];
  }
  // Elements; 0 for a view that is not defined.
  int64_t size() const { return size_; }
  bool is_contiguous() const;

  const void* bytes() const { return data_; }

  // The elements as T. Throws Error when T is not the stored type.
  template <typename T>
  const T* data() const {
    require_dtype(dtype_of<T>());
    return static_cast<const T*>(data_);
  }

  // The same elements with the axes in another order: permuted({0, 2, 1, 3})
  // reads a BLHD tensor as BHLD.
  TensorView permuted(const std::vector<int64_t>& axes) const;

  // The same elements repeated by strides of 0, aligned at the right as NumPy
  // does. Throws Error when an axis is neither 1 nor equal.
  TensorView broadcast_to(const Shape& shape) const;

 private:
  void require_dtype(DType wanted) const;

  const void* data_ = nullptr;
  DType dtype_ = DType::f32;
  Shape shape_;
  Shape strides_;
  int64_t size_ = 0;
  bool defined_ = false;
};

// A strided view of memory that is written. Never owns, cheap to copy.
class MutableTensorView {
 public:
  MutableTensorView() = default;

  // A dense row-major view of `data`; a strided one. Throws Error as
  // TensorView does.
  MutableTensorView(void* data, DType dtype, Shape shape)
      : view_(data, dtype, std::move(shape)) {}
  MutableTensorView(void* data, DType dtype, Shape shape, Shape strides)
      : view_(data, dtype, std::move(shape), std::move(strides)) {}

  bool defined() const { return view_.defined(); }
  const TensorView& view() const { return view_; }
  void* bytes() const { return const_cast<void*>(view_.bytes()); }

 private:
  TensorView view_;
};

}  // namespace maskwise

#endif  // MASKWISE_TENSOR_VIEW_H_
