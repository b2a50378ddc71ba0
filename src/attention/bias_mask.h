// A bias of -inf removes its pair, as a mask does.
#ifndef MASKWISE_ATTENTION_BIAS_MASK_H_
#define MASKWISE_ATTENTION_BIAS_MASK_H_

#include "backend/forward_problem.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor_view.h"

namespace maskwise::detail {

// Whether any pair of the shape has a bias of -inf. f32.
bool has_minus_inf(const Input& bias, const ProblemShape& shape);

// The plan of (the plan's mask) & (bias is not -inf). `bias` is f32, f16 or
// bf16 and broadcasts to the plan's shape.
MaskPlan plan_without_minus_inf(const MaskPlan& plan, const TensorView& bias);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_BIAS_MASK_H_
