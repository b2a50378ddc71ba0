#include "maskwise/attention.h"

#include "attention/attention_checks.h"
#include "attention/attention_outputs.h"
#include "attention/bias_mask.h"
#include "backend/cpu/forward.h"
#include "backend/reference/contract.h"
#include "backend/row_math.h"
#include "base/fail.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

// What the plan's mask and the bias allow together, for the reference.
Visibility visibility_of(const BoundMask& mask, const Input& bias) {
  return [mask, bias](int64_t b, int64_t h, int64_t q, int64_t k) {
    if (!mask.allowed(b, h, q, k)) return false;
    return !bias.given() ||
           bias.at(b, h, q)[k * bias.stride[3]] != kMinusInfinity;
  };
}

// Runs the kernels. A bias of -inf removes its pair, as the mask does.
void run_kernels(const ForwardProblem& problem, const MaskPlan& plan,
                 const AttentionOptions& options, const CpuOptions& where) {
  if (problem.bias.given() && has_minus_inf(problem.bias, problem.shape)) {
    const MaskPlan visible = plan_without_minus_inf(plan, options.bias);
    CpuOptions elsewhere = where;
    elsewhere.workspace = nullptr;  // it may be too small for this plan
    cpu_forward(problem, visible.data(), elsewhere);
    return;
  }
  cpu_forward(problem, plan.data(), where);
}

AttentionResult run_reference(ForwardProblem& problem, const MaskPlan& plan,
                              const AttentionOptions& options, DType dtype) {
  AttentionResult result = make_outputs(problem, options);
  contract_forward(problem, visibility_of(plan.mask(), problem.bias));
  if (dtype != DType::f32) result.o = from_f32(result.o, dtype);
  return result;
}

void check_workspace(const AttentionTarget& target, int64_t needed) {
  const auto found = static_cast<int64_t>(target.workspace.size());
  if (found >= needed) return;
  fail(ErrorCode::invalid_argument, "attention",
       "the workspace has {} bytes; expected at least {}, as workspace_size() "
       "says",
       found, needed);
}

}  // namespace
}  // namespace detail

AttentionResult attention(const TensorView& q, const TensorView& k,
                          const TensorView& v, const MaskPlan& plan,
                          const AttentionOptions& options) {
  // The default scale and the search for -inf are part of the contract too.
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  const bool is_reference = options.backend == Backend::reference;
  detail::AttentionInputs inputs = detail::check_attention(
      q, k, v, plan.shape(), options,
      is_reference ? detail::Storage::as_f32 : detail::Storage::as_given);
  if (is_reference) {
    return detail::run_reference(inputs.problem, plan, options, q.dtype());
  }
  AttentionResult result = detail::make_outputs(inputs.problem, options);
  detail::run_kernels(inputs.problem, plan, options, {isa, options.threads});
  return result;
}

int64_t workspace_size(const MaskPlan& plan, const HeadDims& dims,
                       const AttentionOptions& options) {
  detail::check_threads(options.threads);
  detail::ForwardProblem problem;
  problem.head_dim = dims.head;
  problem.value_dim = dims.value;
  return detail::forward_bytes(problem, plan.data(), options.threads);
}

void attention_into(const AttentionTarget& target, const TensorView& q,
                    const TensorView& k, const TensorView& v,
                    const MaskPlan& plan, const AttentionOptions& options) {
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  if (options.backend == Backend::reference) {
    detail::fail(ErrorCode::invalid_argument, "attention",
                 "attention_into() with the reference backend; expected cpu "
                 "(attention() runs the reference)");
  }
  detail::AttentionInputs inputs = detail::check_attention(
      q, k, v, plan.shape(), options, detail::Storage::as_given);
  detail::check_outputs(target, options, inputs.problem);
  detail::check_workspace(
      target,
      detail::forward_bytes(inputs.problem, plan.data(), options.threads));
  detail::run_kernels(inputs.problem, plan, options,
                      {isa, options.threads, target.workspace.data()});
}

}  // namespace maskwise
