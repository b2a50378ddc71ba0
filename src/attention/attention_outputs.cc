#include "attention/attention_outputs.h"

#include <algorithm>
#include <utility>

#include "backend/row_math.h"

namespace maskwise::detail {
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

void fill(Tensor& tensor, float value) {
  std::fill_n(tensor.mutable_data<float>(), tensor.size(), value);
}

}  // namespace

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
  fill(result.lse, kMinusInfinity);
  fill(result.m, kLowest);
  return result;
}

}  // namespace maskwise::detail
