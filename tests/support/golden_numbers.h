// The inputs of the scripts that compute bits in exact arithmetic.
#ifndef MASKWISE_TESTS_SUPPORT_GOLDEN_NUMBERS_H_
#define MASKWISE_TESTS_SUPPORT_GOLDEN_NUMBERS_H_

#include <cstdint>

#include "maskwise/tensor.h"

namespace maskwise::testing {

// The numbers of tests/backend/reference/contract_golden.py: in [-4, 4), exact
// in f32.
inline Tensor golden_numbers(const Shape& shape, int64_t first) {
  Tensor tensor(DType::f32, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const auto hash = static_cast<uint32_t>(first + i) * 2654435761U;
    tensor.mutable_data<float>()[i] =
        (static_cast<float>(hash >> 20) - 2048) / 512;
  }
  return tensor;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_GOLDEN_NUMBERS_H_
