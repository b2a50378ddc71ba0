#include "maskwise/attention.h"

#include "attention/attention_call.h"
#include "attention/attention_outputs.h"
#include "base/fail.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

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
  detail::AttentionInputs inputs = detail::check_call(q, k, v, plan, options);
  AttentionResult result = detail::make_outputs(inputs.problem, options);
  detail::run_forward(inputs.problem, plan, options, {isa, options.threads});
  // The reference reads and writes f32.
  if (result.o.dtype() != q.dtype()) result.o = from_f32(result.o, q.dtype());
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
  detail::AttentionInputs inputs = detail::check_call(q, k, v, plan, options);
  detail::check_outputs(target, options, inputs.problem);
  detail::check_workspace(
      target,
      detail::forward_bytes(inputs.problem, plan.data(), options.threads));
  detail::run_forward(inputs.problem, plan, options,
                      {isa, options.threads, target.workspace.data()});
}

}  // namespace maskwise
