// The kernels for any processor.
#include "backend/cpu/isa/unit_includes.h"

namespace maskwise::detail::scalar {
namespace {

#include "backend/cpu/isa/forward_kernels.inc"
#include "backend/cpu/isa/vec_scalar.inc"

}  // namespace

const KernelTable& kernels() {
  static constexpr KernelTable kTable = {Isa::scalar, forward_block};
  return kTable;
}

}  // namespace maskwise::detail::scalar
