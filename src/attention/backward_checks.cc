#include "attention/backward_checks.h"

#include <string_view>
#include <utility>

#include "base/fail.h"

namespace maskwise::detail {
namespace {

constexpr std::string_view kOperation = "attention_backward";

// Swaps the axes of [B, H, L, D] where the caller's order is another; twice is
// nothing.
Shape in_layout(Shape shape, Layout layout) {
  if (layout == Layout::blhd) std::swap(shape[1], shape[2]);
  return shape;
}

// Strided memory of at most four axes, whose order becomes [B, H, L, D].
template <typename Memory, typename Pointer>
Memory memory_of(Pointer data, const TensorView& view, Layout layout) {
  Memory memory;
  memory.data = data;
  memory.dtype = view.dtype();
  for (int64_t axis = 0; axis < view.rank(); ++axis) {
    memory.stride[axis] = view.stride(axis);
  }
  if (layout == Layout::blhd) std::swap(memory.stride[1], memory.stride[2]);
  return memory;
}

class BackwardChecker {
 public:
  BackwardChecker(AttentionInputs forward, const AttentionOptions& options)
      : options_(options) {
    inputs_.problem.forward = forward.problem;
    inputs_.copies = std::move(forward.copies);
  }

  BackwardInputs run(const AttentionResult& result, const TensorView& d_o,
                     const GradientOptions& gradients);

 private:
  Input read(std::string_view name, const TensorView& view, const Shape& shape,
             Layout layout);

  const AttentionOptions& options_;
  BackwardInputs inputs_;
};

// A float tensor of that shape, in the caller's order of axes.
Input BackwardChecker::read(std::string_view name, const TensorView& view,
                            const Shape& shape, Layout layout) {
  if (!view.defined()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "{} is not given; expected it of shape {}", name, to_string(shape));
  }
  check_float(kOperation, name, view);
  if (view.shape() != shape) {
    const bool axes_swapped =
        shape.size() == 4 && view.shape() == in_layout(shape, Layout::blhd);
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected {} of shape {}, got {}{}", name, to_string(shape),
         to_string(view.shape()),
         axes_swapped ? "; the head and length axes look swapped" : "");
  }
  if (view.dtype() == DType::f32 || options_.backend != Backend::reference) {
    return memory_of<Input>(view.bytes(), view, layout);
  }
  inputs_.copies.push_back(to_f32(view));
  return memory_of<Input>(inputs_.copies.back().bytes(), inputs_.copies.back(),
                          layout);
}

BackwardInputs BackwardChecker::run(const AttentionResult& result,
                                    const TensorView& d_o,
                                    const GradientOptions& gradients) {
  BackwardProblem& problem = inputs_.problem;
  const ProblemShape& shape = problem.forward.shape;
  const Layout layout = options_.layout;
  const Shape rows = {shape.batch, shape.heads, shape.q_len};
  const Shape outputs = in_layout(
      {shape.batch, shape.heads, shape.q_len, problem.forward.value_dim},
      layout);
  problem.o = read("o of the forward result", result.o, outputs, layout);
  problem.d_o = read("d_o", d_o, outputs, layout);
  const auto read_rows = [&](std::string_view name, const TensorView& view) {
    if (view.defined() && view.dtype() != DType::f32) {
      fail(ErrorCode::invalid_argument, kOperation,
           "expected {} of type f32, got {}; convert it", name,
           name_of(view.dtype()));
    }
    return read(name, view, rows, Layout::bhld);
  };
  problem.m = read_rows("m of the forward result", result.m);
  problem.l = read_rows("l of the forward result", result.l);
  if (gradients.d_lse.defined()) {
    problem.d_lse = read_rows("d_lse", gradients.d_lse);
  }
  if (gradients.dbias && !options_.bias.defined()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the gradient of the bias is asked for and there is no bias; expected "
         "both or neither");
  }
  return std::move(inputs_);
}

}  // namespace

BackwardInputs check_backward(AttentionInputs forward,
                              const AttentionResult& result,
                              const TensorView& d_o,
                              const AttentionOptions& options,
                              const GradientOptions& gradients) {
  return BackwardChecker(std::move(forward), options)
      .run(result, d_o, gradients);
}

AttentionGradients make_gradients(BackwardProblem& problem,
                                  const AttentionOptions& options,
                                  const GradientOptions& gradients) {
  const ForwardProblem& forward = problem.forward;
  const ProblemShape& shape = forward.shape;
  AttentionGradients result;
  const auto make = [&](Tensor& tensor, int64_t heads, int64_t length,
                        int64_t width) {
    tensor = Tensor(DType::f32, in_layout({shape.batch, heads, length, width},
                                          options.layout));
    return memory_of<Output>(tensor.mutable_bytes(), tensor, options.layout);
  };
  problem.dq = make(result.dq, shape.heads, shape.q_len, forward.head_dim);
  problem.dk =
      make(result.dk, forward.kv_heads, shape.kv_len, forward.head_dim);
  problem.dv =
      make(result.dv, forward.kv_heads, shape.kv_len, forward.value_dim);
  if (!gradients.dbias) return result;
  result.dbias = Tensor(DType::f32, options.bias.shape());
  problem.dbias.data = result.dbias.mutable_bytes();
  const int64_t missing = 4 - result.dbias.rank();
  for (int64_t axis = 0; axis < result.dbias.rank(); ++axis) {
    const bool repeated =
        forward.bias.stride[missing + axis] == 0 && result.dbias.dim(axis) == 1;
    problem.dbias.stride[missing + axis] =
        repeated ? 0 : result.dbias.view().stride(axis);
  }
  return result;
}

}  // namespace maskwise::detail
