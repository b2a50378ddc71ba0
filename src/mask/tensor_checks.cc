#include "mask/tensor_checks.h"

#include <cstring>
#include <map>
#include <string>

#include "base/fail.h"
#include "base/format.h"

namespace maskwise::detail {

std::string said_as(std::string_view word, std::string_view tensor_name) {
  if (tensor_name.empty()) return std::string(word);
  return formatted("{}({})", word, tensor_name);
}

std::string said_as(std::string_view word, const MaskTensor& tensor) {
  return said_as(word, tensor.name);
}

Tensor copy_ids(std::string_view word, const MaskTensor& tensor) {
  const DType dtype = tensor.view.dtype();
  if (dtype != DType::i32 && dtype != DType::i64) {
    fail(ErrorCode::invalid_argument, "mask",
         "{}: expected integers of type i32 or i64, got {}",
         said_as(word, tensor), name_of(dtype));
  }
  return Tensor::from(tensor.view.shape(), to_int64(tensor.view));
}

namespace {

// What reads a tensor that is no boolean.
std::string_view reader_of(DType dtype) {
  if (is_floating(dtype)) {
    return "; a float mask of 0 and -inf is read by from_additive, one where 1 "
           "means masked by from_tf_tutorial";
  }
  return "; integers of 0 and 1, as tokenizers return their attention_mask, "
         "must be converted to bool or u8; token ids are read by padding";
}

}  // namespace

Tensor copy_booleans(std::string_view word, const MaskTensor& tensor) {
  const DType dtype = tensor.view.dtype();
  if (dtype != DType::boolean && dtype != DType::u8) {
    fail(ErrorCode::invalid_argument, "mask",
         "{}: expected booleans (bool, or u8 of 0 and 1), got {}{}",
         said_as(word, tensor), name_of(dtype), reader_of(dtype));
  }
  Tensor copy = Tensor::copy_of({tensor.view.bytes(), DType::boolean,
                                 tensor.view.shape(), tensor.view.strides()});
  // As bytes: a bool that is neither 0 nor 1 may not be read.
  const auto* bytes = static_cast<const uint8_t*>(copy.bytes());
  for (int64_t i = 0; i < copy.size(); ++i) {
    if (bytes[i] <= 1) continue;
    fail(ErrorCode::invalid_argument, "mask",
         "{}: expected 0 or 1, found {} at element {}", said_as(word, tensor),
         bytes[i], i);
  }
  return copy;
}

void check_batch_by_length(std::string_view clause, const Tensor& tensor,
                           std::string_view shape_text, const Shape& expected,
                           std::string_view hint) {
  if (tensor.shape() == expected) return;
  fail(ErrorCode::shape_mismatch, "mask", "{}: expected {} = {}, got {}{}",
       clause, shape_text, to_string(expected), to_string(tensor.shape()),
       hint);
}

bool same_contents(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() &&
         std::memcmp(a.bytes(), b.bytes(),
                     static_cast<size_t>(a.byte_size())) == 0;
}

std::vector<int32_t> classes_of_rows(const void* base,
                                     const std::vector<int64_t>& offsets,
                                     int64_t bytes) {
  std::map<std::string_view, int32_t> by_contents;
  std::map<int64_t, int32_t> by_offset;  // spares comparing a row with itself
  std::vector<int32_t> classes;
  const auto* data = static_cast<const char*>(base);
  for (const int64_t offset : offsets) {
    auto known = by_offset.find(offset);
    if (known == by_offset.end()) {
      const std::string_view row(data + offset, static_cast<size_t>(bytes));
      const auto next = static_cast<int32_t>(by_contents.size());
      const int32_t found = by_contents.emplace(row, next).first->second;
      known = by_offset.emplace(offset, found).first;
    }
    classes.push_back(known->second);
  }
  return classes;
}

std::vector<int32_t> classes_of_batch(const Tensor& tensor) {
  const int64_t bytes = tensor.dim(1) * size_of(tensor.dtype());
  std::vector<int64_t> offsets;
  for (int64_t b = 0; b < tensor.dim(0); ++b) offsets.push_back(b * bytes);
  return classes_of_rows(tensor.bytes(), offsets, bytes);
}

std::vector<int32_t> classes_of_values(const std::vector<int64_t>& values) {
  std::vector<int64_t> offsets;
  for (size_t i = 0; i < values.size(); ++i) {
    offsets.push_back(static_cast<int64_t>(i * sizeof(int64_t)));
  }
  return classes_of_rows(values.data(), offsets, sizeof(int64_t));
}

}  // namespace maskwise::detail
