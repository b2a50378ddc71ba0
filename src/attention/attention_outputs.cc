#include "attention/attention_outputs.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/fail.h"

namespace maskwise::detail {
namespace {

// The tensor [B, H, L, D], in the order of axes that the caller wants.
Tensor make_output(DType dtype, const Shape& bhld, Layout layout) {
  if (layout == Layout::bhld) return Tensor(dtype, bhld);
  return Tensor(dtype, {bhld[0], bhld[2], bhld[1], bhld[3]});
}

ScoreStage stage_of(Scores scores) {
  if (scores == Scores::raw) return ScoreStage::raw;
  return scores == Scores::capped ? ScoreStage::capped : ScoreStage::biased;
}

// Sums are kept in the type of the arithmetic.
DType type_of_o(const ForwardProblem& problem) {
  return problem.is_partial ? DType::f32 : problem.q.dtype;
}

// What an output of the caller's must be: axes beyond the rank are 1.
struct Wanted {
  std::string_view name;
  int64_t rank = 0;
  std::array<int64_t, 4> sizes = {};
  DType dtype = DType::f32;
};

bool fits(const TensorView& view, const Wanted& wanted) {
  if (view.rank() != wanted.rank || view.dtype() != wanted.dtype) return false;
  for (int64_t axis = 0; axis < wanted.rank; ++axis) {
    if (view.dim(axis) != wanted.sizes[static_cast<size_t>(axis)]) return false;
    if (view.stride(axis) == 0 && view.dim(axis) > 1) return false;
  }
  return true;
}

Output checked_output(const MutableTensorView& target, const Wanted& wanted) {
  Output output;
  if (!target.defined()) return output;
  const TensorView& view = target.view();
  if (!fits(view, wanted)) {
    const Shape sizes(wanted.sizes.begin(), wanted.sizes.begin() + wanted.rank);
    fail(ErrorCode::shape_mismatch, "attention",
         "expected {} as {} {} without strides of 0, got {} {}", wanted.name,
         name_of(wanted.dtype), to_string(sizes), name_of(view.dtype()),
         to_string(view.shape()));
  }
  output.data = target.bytes();
  output.dtype = view.dtype();
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    output.stride[axis] = view.stride(axis);
  }
  return output;
}

// What is asked for has an output, and nothing else has.
void check_asked(std::string_view what, bool asked,
                 const MutableTensorView& output) {
  if (asked == output.defined()) return;
  fail(ErrorCode::invalid_argument, "attention",
       "{} are {} and there is {} output for them; expected both or neither",
       what, asked ? "asked for" : "not asked for", asked ? "no" : "an");
}

// Throws Error that names the output that does not fit.
void show_outputs(const AttentionTarget& target,
                  const AttentionOptions& options, ForwardProblem& problem) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  if (!target.o.defined()) {
    fail(ErrorCode::invalid_argument, "attention",
         "the output o is not given; expected memory to write to");
  }
  check_asked("weights", options.weights == Weights::all, target.weights);
  check_asked("scores", options.scores != Scores::none, target.scores);
  const bool is_bhld = options.layout == Layout::bhld;
  problem.o =
      checked_output(target.o, {"o",
                                4,
                                {batch, is_bhld ? heads : q_len,
                                 is_bhld ? q_len : heads, problem.value_dim},
                                type_of_o(problem)});
  if (!is_bhld) std::swap(problem.o.stride[1], problem.o.stride[2]);
  problem.lse = checked_output(target.lse, {"lse", 3, {batch, heads, q_len}});
  problem.m = checked_output(target.m, {"m", 3, {batch, heads, q_len}});
  problem.l = checked_output(target.l, {"l", 3, {batch, heads, q_len}});
  const std::array<int64_t, 4> pairs = {batch, heads, problem.pair_row_count(),
                                        kv_len};
  problem.weights = checked_output(target.weights, {"weights", 4, pairs});
  problem.scores = checked_output(target.scores, {"scores", 4, pairs});
  problem.score_stage = stage_of(options.scores);
}

void check_target_memory(const AttentionTarget& target,
                         std::span<const NamedView> inputs) {
  const NamedView outputs[] = {{"o", target.o.view()},
                               {"lse", target.lse.view()},
                               {"m", target.m.view()},
                               {"l", target.l.view()},
                               {"weights", target.weights.view()},
                               {"scores", target.scores.view()}};
  check_memory(outputs, inputs);
}

void check_workspace(std::span<const std::byte> workspace, int64_t needed) {
  const auto found = static_cast<int64_t>(workspace.size());
  if (found >= needed) return;
  fail(ErrorCode::invalid_argument, "attention",
       "the workspace has {} bytes; expected at least {}, as workspace_size() "
       "says",
       found, needed);
}

}  // namespace

AttentionResult make_outputs(ForwardProblem& problem,
                             const AttentionOptions& options) {
  const auto& [batch, heads, q_len, kv_len] = problem.shape;
  const Shape rows = {batch, heads, q_len};
  const Shape pairs = {batch, heads, problem.pair_row_count(), kv_len};
  AttentionResult result;
  result.o =
      make_output(type_of_o(problem), {batch, heads, q_len, problem.value_dim},
                  options.layout);
  for (Tensor* each : {&result.lse, &result.m, &result.l}) {
    *each = Tensor(DType::f32, rows);
  }
  AttentionTarget target = {.o = result.o.mutable_view(),
                            .lse = result.lse.mutable_view(),
                            .m = result.m.mutable_view(),
                            .l = result.l.mutable_view()};
  if (options.weights == Weights::all) {
    result.weights = Tensor(DType::f32, pairs);
    target.weights = result.weights.mutable_view();
  }
  if (options.scores != Scores::none) {
    result.scores = Tensor(DType::f32, pairs);
    target.scores = result.scores.mutable_view();
  }
  show_outputs(target, options, problem);
  return result;
}

void check_target(const AttentionTarget& target,
                  std::span<const NamedView> inputs,
                  const AttentionOptions& options, int64_t workspace_bytes,
                  ForwardProblem& problem) {
  show_outputs(target, options, problem);
  check_target_memory(target, inputs);
  check_workspace(target.workspace, workspace_bytes);
}

}  // namespace maskwise::detail
