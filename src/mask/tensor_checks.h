// Reads the tensors that masks are made from, with one wording for what is
// wrong with them.
#ifndef MASKWISE_MASK_TENSOR_CHECKS_H_
#define MASKWISE_MASK_TENSOR_CHECKS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "maskwise/mask.h"

namespace maskwise::detail {

// A copy as dense i64. Throws Error unless `tensor` is i32 or i64.
Tensor copy_ids(std::string_view word, const MaskTensor& tensor);

// A copy as dense bool. Throws Error unless `tensor` is bool, or u8 that holds
// 0 and 1 only.
Tensor copy_booleans(std::string_view word, const MaskTensor& tensor);

// Throws Error unless `tensor` is [batch, length]; `shape_text` names the two
// axes in the message, as "[B, Lk]", and `hint` ends it.
void check_batch_by_length(std::string_view clause, const Tensor& tensor,
                           std::string_view shape_text, const Shape& expected,
                           std::string_view hint = "");

// "allow(m)", or "allow" for a tensor without a name: the clause as messages
// call it.
std::string said_as(std::string_view word, std::string_view tensor_name);
std::string said_as(std::string_view word, const MaskTensor& tensor);

bool same_contents(const Tensor& a, const Tensor& b);

// Equal numbers for equal rows, counted from 0. `rows` rows of `bytes` bytes,
// where row i begins at `base` + offsets[i].
std::vector<int32_t> classes_of_rows(const void* base,
                                     const std::vector<int64_t>& offsets,
                                     int64_t bytes);

// The same for the rows of a dense [B, L] tensor.
std::vector<int32_t> classes_of_batch(const Tensor& tensor);

// Equal numbers for equal values, counted from 0.
std::vector<int32_t> classes_of_values(const std::vector<int64_t>& values);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_TENSOR_CHECKS_H_
