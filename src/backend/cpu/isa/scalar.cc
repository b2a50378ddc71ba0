// The kernels for any processor.
#include "backend/cpu/isa/unit_includes.h"

namespace maskwise::detail::scalar {
namespace {

// clang-format off
#include "backend/cpu/isa/vec_scalar.inc"
#include "backend/cpu/isa/kernels.inc"
// clang-format on

}  // namespace

const KernelTable& kernels() {
  static constexpr KernelTable kTable = {
      Isa::scalar,     forward_block, sum_fold,  merge_fold,
      backward_heads,  matmul_panels, activate,  activate_back,
      probe_registers, probe_tile,    probe_read};
  return kTable;
}

}  // namespace maskwise::detail::scalar
