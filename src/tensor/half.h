// f16 and bf16 to and from f32, in integer arithmetic, so that the bits do not
// depend on the processor.
#ifndef MASKWISE_TENSOR_HALF_H_
#define MASKWISE_TENSOR_HALF_H_

#include <cstdint>

namespace maskwise::detail {

// Exact for every value; NaN stays NaN.
float f32_from_f16(uint16_t bits);
float f32_from_bf16(uint16_t bits);

// Round to nearest, ties to even; overflow gives infinity; every NaN becomes
// 0x7E00 (f16) and 0x7FC0 (bf16).
uint16_t f16_from_f32(float value);
uint16_t bf16_from_f32(float value);

}  // namespace maskwise::detail

#endif  // MASKWISE_TENSOR_HALF_H_
