#include "maskwise/attention.h"

#include "attention/attention_call.h"
#include "attention/attention_outputs.h"
#include "attention/output_memory.h"
#include "base/fail.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

// The largest that is still no mistake: beyond it sizes in bytes overflow.
constexpr int64_t kMostHeadDim = int64_t{1} << 31;

void check_head_dims(const HeadDims& dims) {
  for (const int64_t dim : {dims.head, dims.value}) {
    if (dim >= 1 && dim <= kMostHeadDim) continue;
    fail(ErrorCode::invalid_argument, "workspace_size",
         "head sizes {} and {}; expected 1 to {}", dims.head, dims.value,
         kMostHeadDim);
  }
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
  detail::check_threads("attention", options.threads);
  detail::check_head_dims(dims);
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
  const detail::NamedView read[] = {
      {"q", q},
      {"k", k},
      {"v", v},
      {"the bias", options.bias},
      {"the alibi slopes", options.alibi.slopes},
      {"q_positions", options.alibi.q_positions},
      {"kv_positions", options.alibi.kv_positions}};
  detail::check_target(
      target, read, options,
      detail::forward_bytes(inputs.problem, plan.data(), options.threads),
      inputs.problem);
  detail::run_forward(inputs.problem, plan, options,
                      {isa, options.threads, target.workspace.data()});
}

}  // namespace maskwise
