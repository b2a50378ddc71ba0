// A bias of -inf removes its pair, as a mask does.
#ifndef MASKWISE_ATTENTION_BIAS_MASK_H_
#define MASKWISE_ATTENTION_BIAS_MASK_H_

#include "maskwise/mask_plan.h"
#include "maskwise/tensor_view.h"

namespace maskwise::detail {

// The plan of (the plan's mask) & (bias is not -inf): the same plan when the
// bias holds no -inf, else one under the same memory cap. `bias` is f32 and
// broadcasts to the plan's shape.
MaskPlan plan_without_minus_inf(const MaskPlan& plan, const TensorView& bias);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_BIAS_MASK_H_
