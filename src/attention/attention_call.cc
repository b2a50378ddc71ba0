#include "attention/attention_call.h"

#include <cstdint>

#include "attention/bias_mask.h"
#include "backend/cpu/backward.h"
#include "backend/reference/contract.h"
#include "backend/reference/contract_backward.h"
#include "backend/row_math.h"

namespace maskwise::detail {
namespace {

// What the plan's mask and the bias allow together, for the reference.
Visibility visibility_of(const BoundMask& mask, const Input& bias) {
  return [mask, bias](int64_t b, int64_t h, int64_t q, int64_t k) {
    if (!mask.allowed(b, h, q, k)) return false;
    return !bias.given() ||
           bias.at(b, h, q)[k * bias.stride[3]] != kMinusInfinity;
  };
}

// Calls run(plan data, where) with the plan, or, where the bias holds -inf,
// with that of the pairs that it leaves.
template <typename Run>
void with_visible_plan(const ForwardProblem& problem, const MaskPlan& plan,
                       const AttentionOptions& options, const CpuOptions& where,
                       Run run) {
  if (!problem.bias.given() || !has_minus_inf(problem.bias, problem.shape)) {
    run(plan.data(), where);
    return;
  }
  const MaskPlan visible = plan_without_minus_inf(plan, options.bias);
  CpuOptions elsewhere = where;
  elsewhere.workspace = nullptr;  // it may be too small for this plan
  run(visible.data(), elsewhere);
}

}  // namespace

AttentionInputs check_call(const TensorView& q, const TensorView& k,
                           const TensorView& v, const MaskPlan& plan,
                           const AttentionOptions& options) {
  return check_attention(q, k, v, plan.shape(), options,
                         options.backend == Backend::reference
                             ? Storage::as_f32
                             : Storage::as_given);
}

void run_forward(const ForwardProblem& problem, const MaskPlan& plan,
                 const AttentionOptions& options, const CpuOptions& where) {
  if (options.backend == Backend::reference) {
    contract_forward(problem, visibility_of(plan.mask(), problem.bias));
    return;
  }
  with_visible_plan(problem, plan, options, where,
                    [&](const PlanData& visible, const CpuOptions& there) {
                      cpu_forward(problem, visible, there);
                    });
}

void run_backward(const BackwardProblem& problem, const MaskPlan& plan,
                  const AttentionOptions& options, const CpuOptions& where) {
  const ForwardProblem& forward = problem.forward;
  if (options.backend == Backend::reference) {
    contract_backward(problem, visibility_of(plan.mask(), forward.bias));
    return;
  }
  with_visible_plan(forward, plan, options, where,
                    [&](const PlanData& visible, const CpuOptions& there) {
                      cpu_backward(problem, visible, there);
                    });
}

}  // namespace maskwise::detail
