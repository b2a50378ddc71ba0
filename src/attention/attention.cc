#include "maskwise/attention.h"

#include <limits>
#include <utility>

#include "attention/attention_checks.h"
#include "attention/attention_outputs.h"
#include "attention/bias_mask.h"
#include "backend/cpu/forward.h"
#include "backend/reference/contract.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

// What the plan's mask and the bias allow together, for the reference.
Visibility visibility_of(const BoundMask& mask, const Input& bias) {
  return [mask, bias](int64_t b, int64_t h, int64_t q, int64_t k) {
    if (!mask.allowed(b, h, q, k)) return false;
    return !bias.given() || bias.at(b, h, q)[k * bias.stride[3]] !=
                                -std::numeric_limits<float>::infinity();
  };
}

}  // namespace
}  // namespace detail

AttentionResult attention(const TensorView& q, const TensorView& k,
                          const TensorView& v, const MaskPlan& plan,
                          const AttentionOptions& options) {
  // The default scale and the search for -inf are part of the contract too.
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  detail::AttentionInputs inputs =
      detail::check_attention(q, k, v, plan.shape(), options);
  detail::ForwardProblem& problem = inputs.problem;
  AttentionResult result = detail::make_outputs(problem, options);
  if (options.backend == Backend::reference) {
    detail::contract_forward(problem,
                             detail::visibility_of(plan.mask(), problem.bias));
  } else {
    const MaskPlan visible =
        inputs.bias.defined()
            ? detail::plan_without_minus_inf(plan, inputs.bias)
            : plan;
    detail::cpu_forward(problem, visible.data(), {isa, options.threads});
  }
  if (q.dtype() != DType::f32) result.o = from_f32(result.o, q.dtype());
  return result;
}

}  // namespace maskwise
