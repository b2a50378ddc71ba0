#include "attention/bias_mask.h"

#include <algorithm>

#include "backend/row_math.h"
#include "maskwise/mask.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

bool has_minus_inf(const Input& bias, const ProblemShape& shape) {
  // What is repeated is looked at once.
  const auto size = [&](int64_t axis, int64_t all) {
    return bias.stride[axis] == 0 ? std::min<int64_t>(all, 1) : all;
  };
  for (int64_t b = 0; b < size(0, shape.batch); ++b) {
    for (int64_t h = 0; h < size(1, shape.heads); ++h) {
      for (int64_t q = 0; q < size(2, shape.q_len); ++q) {
        const float* row = bias.at(b, h, q);
        for (int64_t k = 0; k < size(3, shape.kv_len); ++k) {
          if (row[k * bias.stride[3]] == kMinusInfinity) return true;
        }
      }
    }
  }
  return false;
}

MaskPlan plan_without_minus_inf(const MaskPlan& plan, const TensorView& bias) {
  // As a mask, one value for all pairs has an axis.
  const Tensor dense = to_f32(bias.rank() == 0 ? bias.broadcast_to({1}) : bias);
  Tensor allowed(DType::boolean, dense.shape());
  for (int64_t i = 0; i < dense.size(); ++i) {
    allowed.mutable_data<bool>()[i] = dense.data<float>()[i] != kMinusInfinity;
  }
  return compile(plan.mask().restricted_to(allowed), plan.options());
}

}  // namespace maskwise::detail
