#include "attention/attention_call.h"

#include <gtest/gtest.h>

#include "attention/attention_outputs.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

AttentionCase half_case() {
  Rng rng(5);
  AttentionCase call =
      make_case(rng, {2, 4, 3, 5}, causal({.offset = 2}), {.kv_heads = 2});
  call.k = call.own(from_f32(call.k, DType::bf16));
  add_bias(rng, call, {3, 5});
  call.bias.mutable_data<float>()[5] = kMinusInf;
  return call;
}

TEST(AttentionCallTest, OnlyTheReferenceReadsCopies) {
  const AttentionCase call = half_case();
  const MaskPlan plan = compile(call.mask.bind(call.shape));
  const auto inputs = [&](Backend backend) {
    return detail::check_call(call.q, call.k, call.v, plan,
                              call.options_for(backend));
  };
  EXPECT_EQ(inputs(Backend::cpu).problem.k.data, call.k.bytes());
  EXPECT_EQ(inputs(Backend::cpu).problem.k.dtype, DType::bf16);
  EXPECT_EQ(inputs(Backend::reference).problem.k.dtype, DType::f32);
  EXPECT_EQ(inputs(Backend::reference).problem.q.data, call.q.bytes());
}

TEST(AttentionCallTest, EitherBackendFillsTheOutputsWithTheSameBits) {
  const AttentionCase call = half_case();
  const MaskPlan plan = compile(call.mask.bind(call.shape));
  AttentionResult results[2];
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    const AttentionOptions options = call.options_for(backend);
    detail::AttentionInputs inputs =
        detail::check_call(call.q, call.k, call.v, plan, options);
    AttentionResult& result = results[backend == Backend::cpu ? 0 : 1];
    result = detail::make_outputs(inputs.problem, options);
    detail::run_forward(inputs.problem, plan, options, {.isa = Isa::scalar});
  }
  EXPECT_TRUE(same_bits(results[0], results[1]));
  // The second row does not see its first key, by the bias.
  EXPECT_EQ(results[0].weights.data<float>()[5], 0);
}

}  // namespace
}  // namespace maskwise::testing
