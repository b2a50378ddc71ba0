// Masks and tensors as small pictures.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_TABLE_H_
#define MASKWISE_TESTS_SUPPORT_MASK_TABLE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/mask.h"

namespace maskwise::testing {

// One string for each query; 'x' where it may attend, '.' where it may not,
// and both readings of the mask where they differ.
using Table = std::vector<std::string>;

inline Table table(const BoundMask& mask, int64_t b = 0, int64_t h = 0) {
  const AttentionShape& shape = mask.shape();
  Table rows;
  for (int64_t q = 0; q < shape.q_len; ++q) {
    std::string by_pair;
    for (int64_t k = 0; k < shape.kv_len; ++k) {
      by_pair += mask.allowed(b, h, q, k) ? 'x' : '.';
    }
    std::string by_row(static_cast<size_t>(shape.kv_len), '.');
    for (const int64_t k : mask.visible_keys(b, h, q)) {
      by_row[static_cast<size_t>(k)] = 'x';
    }
    rows.push_back(by_pair == by_row ? by_pair : by_pair + " or " + by_row);
  }
  return rows;
}

// A square of one head.
inline Table square(const Mask& mask, int64_t length) {
  return table(mask.bind({1, 1, length, length}));
}

// The first row of each batch item.
inline Table first_rows(const BoundMask& mask) {
  Table rows;
  for (int64_t b = 0; b < mask.shape().batch; ++b) {
    rows.push_back(table(mask, b)[0]);
  }
  return rows;
}

// booleans({2, 3}, "110 001"): blanks are for the eye.
inline Tensor booleans(const Shape& shape, const std::string& bits) {
  std::vector<bool> values;
  for (const char bit : bits) {
    if (bit != ' ') values.push_back(bit == '1');
  }
  return Tensor::from(shape, values);
}

inline Tensor ids(const Shape& shape, const std::vector<int64_t>& values) {
  return Tensor::from(shape, values);
}

inline Tensor floats(const Shape& shape, const std::vector<float>& values) {
  return Tensor::from(shape, values);
}

// The kinds of the warnings, in order.
inline std::vector<WarningKind> kinds(
    const std::vector<MaskWarning>& warnings) {
  std::vector<WarningKind> found;
  for (const MaskWarning& warning : warnings) found.push_back(warning.kind);
  return found;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_TABLE_H_
