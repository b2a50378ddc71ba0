// The kernels for processors with AVX2, FMA and F16C.
#include <immintrin.h>

#include "backend/cpu/isa/unit_includes.h"

#if defined(__clang__)
#pragma clang attribute push(                              \
        __attribute__((target("avx2,fma,f16c,bmi,bmi2"))), \
            apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi,bmi2")
#endif

namespace maskwise::detail::avx2 {
namespace {

// clang-format off
#include "backend/cpu/isa/vec_avx2.inc"
#include "backend/cpu/isa/kernels.inc"
// clang-format on

}  // namespace
}  // namespace maskwise::detail::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace maskwise::detail::avx2 {

const KernelTable& kernels() {
  static constexpr KernelTable kTable = {
      Isa::avx2,       forward_block, sum_fold,  merge_fold,
      backward_heads,  matmul_panels, activate,  activate_back,
      probe_registers, probe_tile,    probe_read};
  return kTable;
}

}  // namespace maskwise::detail::avx2
