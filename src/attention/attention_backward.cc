#include "maskwise/attention_backward.h"

#include <utility>

#include "attention/attention_call.h"
#include "attention/backward_checks.h"
#include "backend/row_math.h"
#include "base/fail.h"
#include "base/fp_environment.h"

namespace maskwise {
namespace detail {
namespace {

// o of another type than q is no result of the call, but of other roundings.
void check_type_of_o(const Tensor& o, const TensorView& q) {
  if (o.dtype() == q.dtype()) return;
  fail(ErrorCode::invalid_argument, "attention_backward",
       "expected o of the forward result of q's type, {}, got {}",
       name_of(q.dtype()), name_of(o.dtype()));
}

// What is stored of sums that a backend leaves.
void finish_sums(Tensor& sums) {
  if (!sums.defined()) return;
  auto* sum = sums.mutable_data<float>();
  for (int64_t i = 0; i < sums.size(); ++i) sum[i] = stored(sum[i]);
}

void convert(Tensor& gradient, DType dtype) {
  if (gradient.dtype() != dtype) gradient = from_f32(gradient, dtype);
}

}  // namespace
}  // namespace detail

// More than 6 parameters because the forward call is said again.
AttentionGradients attention_backward(const TensorView& q, const TensorView& k,
                                      const TensorView& v, const MaskPlan& plan,
                                      const AttentionResult& forward,
                                      const TensorView& d_o,
                                      const AttentionOptions& options,
                                      const GradientOptions& gradients) {
  const detail::FpEnvironment environment;
  const Isa isa = devices().choose(options.isa);
  AttentionOptions call = options;
  call.weights = Weights::none;
  call.scores = Scores::none;
  call.pair_rows.clear();
  detail::BackwardInputs inputs = detail::check_backward(
      detail::check_call(q, k, v, plan, call), forward, d_o, call, gradients);
  detail::check_type_of_o(forward.o, q);
  AttentionGradients result =
      detail::make_gradients(inputs.problem, call, gradients);
  detail::run_backward(inputs.problem, plan, call, {isa, call.threads});
  detail::finish_sums(result.dbias);
  detail::convert(result.dq, q.dtype());
  detail::convert(result.dk, k.dtype());
  detail::convert(result.dv, v.dtype());
  if (gradients.dbias) detail::convert(result.dbias, call.bias.dtype());
  return result;
}

}  // namespace maskwise
