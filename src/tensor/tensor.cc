#include "maskwise/tensor.h"

#include <cstring>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/checked_math.h"
#include "base/fail.h"
#include "base/fp_environment.h"
#include "tensor/half.h"
#include "tensor/strided_copy.h"

namespace maskwise {
namespace {

void require_defined(const TensorView& view) {
  if (view.defined()) return;
  detail::fail(ErrorCode::invalid_argument, "tensor",
               "found a tensor that was not given; expected one to convert");
}

// Calls body(T{}) with the C++ type of an integer or bool dtype.
template <typename Body>
bool with_integer_type(DType dtype, Body body) {
  switch (dtype) {
    case DType::boolean:
    case DType::u8:
      return body(uint8_t{}), true;
    case DType::i8:
      return body(int8_t{}), true;
    case DType::u16:
      return body(uint16_t{}), true;
    case DType::i16:
      return body(int16_t{}), true;
    case DType::u32:
      return body(uint32_t{}), true;
    case DType::i32:
      return body(int32_t{}), true;
    case DType::u64:
      return body(uint64_t{}), true;
    case DType::i64:
      return body(int64_t{}), true;
    default:
      return false;
  }
}

// Fills `out` with convert(element) of every element of type From.
template <typename From, typename To, typename Convert>
void convert_elements(const TensorView& view, To* out, Convert convert) {
  const auto* in = static_cast<const From*>(view.bytes());
  detail::for_each_offset(view, [&](int64_t position, int64_t offset) {
    out[position] = convert(in[offset]);
  });
}

}  // namespace

namespace {

// Memory for such a tensor.
std::shared_ptr<void> memory_for(DType dtype, const Shape& shape,
                                 detail::Contents contents) {
  const int64_t count = element_count(shape);
  const auto bytes = detail::checked_product(count, size_of(dtype));
  if (!bytes) {
    detail::fail(ErrorCode::limit, "tensor",
                 "the bytes of {} {} do not fit in 63 bits", name_of(dtype),
                 to_string(shape));
  }
  return detail::make_aligned_buffer(*bytes, contents);
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape)
    : storage_(memory_for(dtype, shape, detail::Contents::zeros)),
      view_(storage_.get(), dtype, std::move(shape)) {}

Tensor Tensor::unfilled(DType dtype, Shape shape) {
  Tensor tensor;
  tensor.storage_ = memory_for(dtype, shape, detail::Contents::anything);
  tensor.view_ = TensorView(tensor.storage_.get(), dtype, std::move(shape));
  return tensor;
}

Tensor Tensor::copy_of(const TensorView& view) {
  if (!view.defined()) return Tensor();
  Tensor copy = unfilled(view.dtype(), view.shape());
  auto* out = static_cast<unsigned char*>(copy.mutable_bytes());
  const auto* in = static_cast<const unsigned char*>(view.bytes());
  const int64_t width = size_of(view.dtype());
  if (view.is_contiguous()) {
    if (copy.size() > 0) {
      std::memcpy(out, in, static_cast<size_t>(copy.byte_size()));
    }
    return copy;
  }
  detail::for_each_offset(view, [&](int64_t position, int64_t offset) {
    std::memcpy(out + position * width, in + offset * width,
                static_cast<size_t>(width));
  });
  return copy;
}

void Tensor::require_count(int64_t count) const {
  if (count == size()) return;
  detail::fail(ErrorCode::shape_mismatch, "tensor",
               "expected {} values for shape {}, got {}", size(),
               to_string(shape()), count);
}

Tensor to_f32(const TensorView& view) {
  require_defined(view);
  const detail::FpEnvironment environment;  // casts round as the caller does
  Tensor result(DType::f32, view.shape());
  auto* out = result.mutable_data<float>();
  const auto cast = [](auto x) { return static_cast<float>(x); };
  switch (view.dtype()) {
    case DType::f32:
      convert_elements<float>(view, out, cast);
      break;
    case DType::f64:
      convert_elements<double>(view, out, cast);
      break;
    case DType::f16:
      convert_elements<uint16_t>(view, out, detail::f32_from_f16);
      break;
    case DType::bf16:
      convert_elements<uint16_t>(view, out, detail::f32_from_bf16);
      break;
    default:
      with_integer_type(view.dtype(), [&](auto element) {
        convert_elements<decltype(element)>(view, out, cast);
      });
  }
  return result;
}

Tensor from_f32(const TensorView& view, DType dtype) {
  require_defined(view);
  view.data<float>();  // refuses any other type
  if (dtype == DType::f32) return Tensor::copy_of(view);
  if (dtype != DType::f16 && dtype != DType::bf16) {
    detail::fail(ErrorCode::invalid_argument, "tensor",
                 "cannot store f32 as {}; expected f32, f16 or bf16",
                 name_of(dtype));
  }
  Tensor result = Tensor::unfilled(dtype, view.shape());
  auto* out = static_cast<uint16_t*>(result.mutable_bytes());
  convert_elements<float>(
      view, out,
      dtype == DType::f16 ? detail::f16_from_f32 : detail::bf16_from_f32);
  return result;
}

std::vector<int64_t> to_int64(const TensorView& view) {
  require_defined(view);
  std::vector<int64_t> result(static_cast<size_t>(view.size()));
  const bool integer = with_integer_type(view.dtype(), [&](auto element) {
    convert_elements<decltype(element)>(view, result.data(), [](auto x) {
      if (!std::in_range<int64_t>(x)) {
        detail::fail(ErrorCode::invalid_argument, "tensor",
                     "found {}; expected integers below 2^63", x);
      }
      return static_cast<int64_t>(x);
    });
  });
  if (!integer) {
    detail::fail(ErrorCode::invalid_argument, "tensor",
                 "expected integers, got {}", name_of(view.dtype()));
  }
  return result;
}

}  // namespace maskwise
