// The kernels for processors with AVX-512 (F, DQ, BW, VL).
#include <immintrin.h>

#include "backend/cpu/isa/unit_includes.h"

#if defined(__clang__)
#pragma clang attribute push(                                                   \
        __attribute__((target(                                                  \
                "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,bmi,bmi2"))), \
            apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,f16c,bmi,bmi2")
#endif

namespace maskwise::detail::avx512 {
namespace {

// clang-format off
#include "backend/cpu/isa/vec_avx512.inc"
#include "backend/cpu/isa/kernels.inc"
// clang-format on

}  // namespace
}  // namespace maskwise::detail::avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace maskwise::detail::avx512 {

const KernelTable& kernels() {
  static constexpr KernelTable kTable = {
      Isa::avx512,     forward_block, sum_fold,  merge_fold,
      backward_heads,  matmul_panels, activate,  activate_back,
      probe_registers, probe_tile,    probe_read};
  return kTable;
}

}  // namespace maskwise::detail::avx512
