// The backward pass of a case as the float64 oracle sees it.
#ifndef MASKWISE_TESTS_SUPPORT_GRADIENT_ORACLE_H_
#define MASKWISE_TESTS_SUPPORT_GRADIENT_ORACLE_H_

#include <cstdint>

#include "attention/backward_checks.h"
#include "backend/reference/oracle_backward.h"
#include "tests/support/attention_oracle.h"
#include "tests/support/gradient_case.h"

namespace maskwise::testing {

// A forward result that fits the case and holds zeros: the oracle does not
// read it.
inline AttentionResult unread_forward(const GradientCase& gradient) {
  const auto& [batch, heads, q_len, kv_len] = gradient.call.shape;
  AttentionResult result;
  result.o = Tensor(DType::f32, gradient.d_o.shape());
  result.m = Tensor(DType::f32, {batch, heads, q_len});
  result.l = Tensor(DType::f32, {batch, heads, q_len});
  return result;
}

// Visibility is the mask's first reading, allowed(); biases must be finite.
inline detail::OracleGradients oracle_of(const GradientCase& gradient) {
  const AttentionCase& call = gradient.call;
  const BoundMask mask = call.mask.bind(call.shape);
  const AttentionOptions options = call.options_for(Backend::reference);
  detail::BackwardInputs inputs = detail::check_backward(
      detail::check_attention(call.q, call.k, call.v, call.shape, options),
      unread_forward(gradient), gradient.d_o, options, gradient.options());
  const AttentionGradients shapes =
      detail::make_gradients(inputs.problem, options, gradient.options());
  return detail::oracle_backward(
      inputs.problem, [&](int64_t b, int64_t h, int64_t q, int64_t k) {
        return mask.allowed(b, h, q, k);
      });
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_GRADIENT_ORACLE_H_
