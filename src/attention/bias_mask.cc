#include "attention/bias_mask.h"

#include <limits>

#include "maskwise/mask.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

MaskPlan plan_without_minus_inf(const MaskPlan& plan, const TensorView& bias) {
  constexpr float kMinusInf = -std::numeric_limits<float>::infinity();
  // As a mask, one value for all pairs has an axis.
  const Tensor dense =
      Tensor::copy_of(bias.rank() == 0 ? bias.broadcast_to({1}) : bias);
  Tensor allowed(DType::boolean, dense.shape());
  bool any_removed = false;
  for (int64_t i = 0; i < dense.size(); ++i) {
    const bool keeps = dense.data<float>()[i] != kMinusInf;
    allowed.mutable_data<bool>()[i] = keeps;
    any_removed = any_removed || !keeps;
  }
  if (!any_removed) return plan;
  const BoundMask& mask = plan.mask();
  return compile(mask.restricted_to(allowed), plan.options());
}

}  // namespace maskwise::detail
