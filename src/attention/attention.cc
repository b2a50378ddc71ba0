#include "maskwise/attention.h"

#include <limits>
#include <utility>

#include "attention/attention_checks.h"
#include "attention/bias_mask.h"
#include "backend/cpu/forward.h"
#include "backend/reference/contract.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

// The tensor [B, H, L, D], in the order of axes that the caller wants.
Tensor make_output(const Shape& bhld, Layout layout) {
  if (layout == Layout::bhld) return Tensor(DType::f32, bhld);
  return Tensor(DType::f32, {bhld[0], bhld[2], bhld[1], bhld[3]});
}

// `tensor` as [B, H, L, D] (or [B, H, L]) for a backend to write.
Output output_of(Tensor& tensor, Layout layout) {
  Output output;
  output.data = tensor.mutable_data<float>();
  const TensorView view = layout == Layout::bhld
                              ? tensor.view()
                              : tensor.view().permuted({0, 2, 1, 3});
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    output.stride[axis] = view.stride(axis);
  }
  return output;
}

ScoreStage stage_of(Scores scores) {
  if (scores == Scores::raw) return ScoreStage::raw;
  return scores == Scores::capped ? ScoreStage::capped : ScoreStage::biased;
}

// Makes every output of the call and shows it to the backend.
AttentionResult make_outputs(ForwardProblem& problem,
                             const AttentionOptions& options) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  const Shape rows = {batch, heads, q_len};
  const Shape pairs = {batch, heads, q_len, kv_len};
  AttentionResult result;
  result.o =
      make_output({batch, heads, q_len, problem.value_dim}, options.layout);
  problem.o = output_of(result.o, options.layout);
  for (auto [tensor, output] :
       {std::pair(&result.lse, &problem.lse), std::pair(&result.m, &problem.m),
        std::pair(&result.l, &problem.l)}) {
    *tensor = Tensor(DType::f32, rows);
    *output = output_of(*tensor, Layout::bhld);
  }
  if (options.weights == Weights::all) {
    result.weights = Tensor(DType::f32, pairs);
    problem.weights = output_of(result.weights, Layout::bhld);
  }
  if (options.scores != Scores::none) {
    result.scores = Tensor(DType::f32, pairs);
    problem.scores = output_of(result.scores, Layout::bhld);
    problem.score_stage = stage_of(options.scores);
  }
  return result;
}

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
