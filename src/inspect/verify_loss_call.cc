#include "inspect/verify_loss_call.h"

#include <algorithm>

#include "inspect/verify_poison.h"

namespace maskwise::detail {
namespace {

Tensor of_shape(const Tensor& tensor, const Shape& shape) {
  return Tensor::copy_of(TensorView(tensor.bytes(), DType::f32, shape));
}

// [items, heads, rows, 1] as [items, heads, rows].
Tensor as_numbers(const Tensor& lines) {
  return of_shape(lines, {lines.dim(0), lines.dim(1), lines.dim(2)});
}

// One number for each row, poisoned as lines are.
Tensor poisoned_numbers(const Tensor& numbers,
                        const std::vector<uint8_t>& seen) {
  const Shape lines = {1, numbers.dim(1), numbers.dim(2), 1};
  return as_numbers(poisoned_lines(of_shape(numbers, lines), seen));
}

}  // namespace

LossCall cut_loss_call(const LossProblem& problem, const RowGroup& group,
                       const std::vector<int64_t>& keys, Backend backend,
                       int64_t heads) {
  const ProblemRow head = {group.batch, group.head, 0};
  LossCall call;
  call.rows = cut_call(problem.forward, group, keys, backend, heads);
  call.d_o =
      cut_out(problem.d_o, head, group.rows, problem.forward.value_dim, heads);
  if (problem.d_lse.given()) {
    call.d_lse = as_numbers(cut_out(problem.d_lse, head, group.rows, 1, heads));
  }
  return call;
}

LossCall with_poisoned_rows(const LossCall& call,
                            const std::vector<uint8_t>& seen) {
  LossCall poisoned = call;
  poisoned.rows.q = poisoned_lines(call.rows.q, seen);
  poisoned.d_o = poisoned_lines(call.d_o, seen);
  if (call.d_lse.defined()) {
    poisoned.d_lse = poisoned_numbers(call.d_lse, seen);
  }
  return poisoned;
}

AttentionResult cut_result(const AttentionResult& whole, const RowGroup& group,
                           int64_t heads) {
  const ProblemRow head = {group.batch, group.head, 0};
  const auto cut = [&](const Tensor& tensor, int64_t width) {
    return cut_out(input_of(tensor), head, group.rows, width, heads);
  };
  AttentionResult result;
  result.o = cut(whole.o, whole.o.dim(3));
  result.m = as_numbers(cut(whole.m, 1));
  result.l = as_numbers(cut(whole.l, 1));
  return result;
}

AttentionResult with_poisoned_rows(const AttentionResult& result,
                                   const std::vector<uint8_t>& seen) {
  AttentionResult poisoned;
  poisoned.o = poisoned_lines(result.o, seen);
  poisoned.m = poisoned_numbers(result.m, seen);
  poisoned.l = poisoned_numbers(result.l, seen);
  return poisoned;
}

Input input_of(const TensorView& view) {
  Input input;
  if (!view.defined()) return input;
  input.data = view.bytes();
  // A view of more axes is refused by the first call that it is given to.
  for (int64_t axis = 0; axis < std::min<int64_t>(view.rank(), 4); ++axis) {
    input.stride[axis] = view.stride(axis);
  }
  return input;
}

Tensor pseudo_random(const Shape& shape) {
  // Press et al., Numerical Recipes in C, 2nd edition, section 7.1.
  constexpr uint32_t kFactor = 1664525;
  constexpr uint32_t kStep = 1013904223;
  constexpr float kToOne = 1.0F / 2147483648.0F;  // 2^-31
  Tensor tensor(DType::f32, shape);
  uint32_t state = 1;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    state = state * kFactor + kStep;
    tensor.mutable_data<float>()[i] =
        static_cast<float>(static_cast<int32_t>(state)) * kToOne;
  }
  return tensor;
}

}  // namespace maskwise::detail
