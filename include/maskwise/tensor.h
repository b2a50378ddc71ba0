// A dense tensor that owns its memory.
#ifndef MASKWISE_TENSOR_H_
#define MASKWISE_TENSOR_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/dtype.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

// Dense, row-major, 64-byte aligned. A copy shares the elements (it costs a
// reference count); clone() copies them. A default-made tensor is empty and
// stands for "not asked for".
class Tensor {
 public:
  Tensor() = default;

  // All elements zero. Throws Error when the size in bytes leaves 63 bits or
  // the memory cannot be had.
  Tensor(DType dtype, Shape shape);
  // The same with elements of any value: for who writes all of them.
  static Tensor unfilled(DType dtype, Shape shape);

  // A tensor of `shape` with the given elements in row-major order. Throws
  // Error when the count differs.
  template <typename T>
  static Tensor from(Shape shape, const std::vector<T>& values) {
    Tensor tensor(dtype_of<T>(), std::move(shape));
    tensor.require_count(static_cast<int64_t>(values.size()));
    std::copy(values.begin(), values.end(), tensor.mutable_data<T>());
    return tensor;
  }

  // A dense copy of any view.
  static Tensor copy_of(const TensorView& view);

  bool defined() const { return view_.defined(); }
  DType dtype() const { return view_.dtype(); }
  const Shape& shape() const { return view_.shape(); }
  int64_t rank() const { return view_.rank(); }
  int64_t dim(int64_t axis) const { return view_.dim(axis); }
  int64_t size() const { return view_.size(); }
  int64_t byte_size() const { return size() * size_of(dtype()); }

  const TensorView& view() const { return view_; }
  operator const TensorView&() const { return view_; }  // NOLINT

  const void* bytes() const { return view_.bytes(); }
  void* mutable_bytes() { return storage_.get(); }

  template <typename T>
  const T* data() const {
    return view_.data<T>();
  }
  template <typename T>
  T* mutable_data() {
    return const_cast<T*>(view_.data<T>());
  }

  // The elements, to be written through.
  MutableTensorView mutable_view() {
    return {mutable_bytes(), dtype(), shape()};
  }

  Tensor clone() const { return copy_of(view_); }

 private:
  void require_count(int64_t count) const;

  std::shared_ptr<void> storage_;
  TensorView view_;
};

// Tensors by name, as a file holds them.
using TensorMap = std::map<std::string, Tensor>;

// The elements as f32 in a new dense tensor. f16 and bf16 convert exactly;
// f64 and integers round to nearest even; bool gives 0 and 1.
Tensor to_f32(const TensorView& view);

// The f32 elements as f16 or bf16 (round to nearest even in integer
// arithmetic; NaN becomes 0x7E00 and 0x7FC0) or as f32 (a copy). Throws Error
// for other types.
Tensor from_f32(const TensorView& view, DType dtype);

// The elements of an integer or bool tensor as 64-bit integers, row-major.
// Throws Error for floating types and for u64 values beyond 63 bits.
std::vector<int64_t> to_int64(const TensorView& view);

}  // namespace maskwise

#endif  // MASKWISE_TENSOR_H_
