// Runs the backward pass of a case: d_o and d_lse beside its tensors.
#ifndef MASKWISE_TESTS_SUPPORT_GRADIENT_CASE_H_
#define MASKWISE_TESTS_SUPPORT_GRADIENT_CASE_H_

#include <gtest/gtest.h>

#include <utility>

#include "maskwise/attention_backward.h"
#include "maskwise/device.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

// A forward call, and the gradients that come into its backward call.
struct GradientCase {
  AttentionCase call;
  TensorView d_o;
  TensorView d_lse;  // not defined: none

  GradientOptions options() const {
    return {.d_lse = d_lse, .dbias = call.bias.defined()};
  }

  // Forward and backward.
  AttentionGradients run(Backend backend = Backend::cpu) const {
    const AttentionOptions forward = call.options_for(backend);
    const MaskPlan plan = compile(call.mask.bind(call.shape));
    const AttentionResult result =
        attention(call.q, call.k, call.v, plan, forward);
    return attention_backward(call.q, call.k, call.v, plan, result, d_o,
                              forward, options());
  }
};

// The case with a normal d_o and, when asked for, d_lse.
inline GradientCase with_gradients(Rng& rng, AttentionCase call,
                                   bool with_lse = false) {
  GradientCase result;
  result.call = std::move(call);
  AttentionCase& owner = result.call;
  const auto& [batch, heads, q_len, kv_len] = owner.shape;
  owner.options.weights = Weights::none;
  owner.options.scores = Scores::none;
  Shape shape = {batch, heads, q_len, owner.v.dim(3)};
  if (owner.options.layout == Layout::blhd) std::swap(shape[1], shape[2]);
  result.d_o = owner.own(normal(rng, shape));
  if (with_lse) result.d_lse = owner.own(normal(rng, {batch, heads, q_len}));
  return result;
}

// Every gradient is there in both or in neither, and has the same bits.
inline ::testing::AssertionResult same_bits(const AttentionGradients& a,
                                            const AttentionGradients& b) {
  const std::pair<const char*, Tensor AttentionGradients::*> gradients[] = {
      {"dq", &AttentionGradients::dq},
      {"dk", &AttentionGradients::dk},
      {"dv", &AttentionGradients::dv},
      {"dbias", &AttentionGradients::dbias}};
  for (const auto& [name, gradient] : gradients) {
    const auto same = same_bits(a.*gradient, b.*gradient);
    if (!same) {
      return ::testing::AssertionFailure() << name << ": " << same.message();
    }
  }
  return ::testing::AssertionSuccess();
}

// The kernels of every ISA that this processor has give `expected`.
inline ::testing::AssertionResult every_isa_gives(
    GradientCase gradient, const AttentionGradients& expected) {
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    gradient.call.options.isa = info.isa;
    const auto same = same_bits(gradient.run(), expected);
    if (!same) {
      return ::testing::AssertionFailure()
             << "on " << info.name << ": " << same.message();
    }
  }
  return ::testing::AssertionSuccess();
}

// Every kernel, which walks a plan, equals the contract over compacted lists.
inline ::testing::AssertionResult kernel_equals_contract(
    const GradientCase& gradient) {
  return every_isa_gives(gradient, gradient.run(Backend::reference));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_GRADIENT_CASE_H_
