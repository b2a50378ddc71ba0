#include "inspect/verify_loss_call.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "inspect/verify_poison.h"
#include "tests/support/gradient_case.h"

namespace maskwise::detail {
namespace {

using testing::GradientCase;
using testing::make_case;
using testing::Rng;
using testing::same_bits;

// Two items, four heads on two kv heads, and a gradient of lse.
GradientCase make_gradients() {
  Rng rng(1);
  return testing::with_gradients(
      rng, make_case(rng, {2, 4, 3, 5}, prefix(2), {.kv_heads = 2}), true);
}

// Keeps what a LossProblem shows.
struct Problem {
  explicit Problem(const GradientCase& gradient)
      : inputs(check_attention(gradient.call.q, gradient.call.k,
                               gradient.call.v, gradient.call.shape,
                               gradient.call.options_for(Backend::cpu))),
        loss({inputs.problem, input_of(gradient.d_o),
              input_of(gradient.d_lse)}) {}
  AttentionInputs inputs;
  LossProblem loss;
};

TEST(LossCall, ACutCallGivesTheGradientsOfTheWholeCall) {
  const GradientCase gradient = make_gradients();
  const Problem problem(gradient);
  const AttentionGradients whole = gradient.run();
  const RowGroup group = {1, 2, {0, 2}};
  const std::vector<int64_t> keys = {0, 1};
  const LossCall call =
      cut_loss_call(problem.loss, group, keys, Backend::cpu, 2);
  const Tensor k = cut_out(problem.inputs.problem.k, {1, 1, 0}, keys, 4);
  const Tensor v = cut_out(problem.inputs.problem.v, {1, 1, 0}, keys, 4);
  const MaskPlan plan = compile(all().bind({1, 2, 2, 2}));
  const AttentionOptions options = call.rows.with_tensors();
  const AttentionResult result = attention(call.rows.q, k, v, plan, options);
  const AttentionGradients some = attention_backward(
      call.rows.q, k, v, plan, result, call.d_o, options, call.gradients());
  const Tensor expected = cut_out(input_of(whole.dq), {1, 2, 0}, {0, 2}, 4, 2);
  EXPECT_TRUE(same_bits(some.dq, expected));

  const AttentionResult of_whole = gradient.call.run();
  const AttentionResult cut = cut_result(of_whole, group, 2);
  EXPECT_TRUE(same_bits(cut.o, result.o));
  EXPECT_TRUE(same_bits(cut.m, result.m));
  EXPECT_TRUE(same_bits(cut.l, result.l));
}

TEST(LossCall, WithoutAGradientOfLseThereIsNone) {
  GradientCase gradient = make_gradients();
  gradient.d_lse = TensorView();
  const Problem problem(gradient);
  const LossCall call =
      cut_loss_call(problem.loss, {0, 0, {1}}, {0}, Backend::cpu);
  EXPECT_FALSE(call.gradients().d_lse.defined());
  EXPECT_FALSE(with_poisoned_rows(call, {0}).d_lse.defined());
  EXPECT_FALSE(call.gradients().dbias);
}

// Elements of copy `kind` that hold its poison.
int64_t poisoned_in(const Tensor& copies, int64_t kind) {
  const int64_t size = copies.size() / kPoisonCount;
  const auto* bits = static_cast<const uint32_t*>(copies.bytes());
  return std::count(bits + kind * size, bits + (kind + 1) * size,
                    kPoisons[static_cast<size_t>(kind)]);
}

TEST(LossCall, OnlyRowsThatAreNotFlaggedArePoisoned) {
  const GradientCase gradient = make_gradients();
  const Problem problem(gradient);
  const RowGroup group = {0, 0, {0, 1, 2}};
  const LossCall call =
      cut_loss_call(problem.loss, group, {0, 1, 2, 3, 4}, Backend::cpu, 2);
  // Row 1 of the first head and row 2 of the second.
  const std::vector<uint8_t> seen = {1, 0, 1, 1, 1, 0};
  const LossCall poisoned = with_poisoned_rows(call, seen);
  const AttentionResult result =
      with_poisoned_rows(cut_result(gradient.call.run(), group, 2), seen);
  EXPECT_EQ(poisoned.d_lse.shape(), (Shape{6, 2, 3}));
  EXPECT_EQ(result.l.shape(), (Shape{6, 2, 3}));
  for (int64_t kind = 0; kind < kPoisonCount; ++kind) {
    EXPECT_EQ(poisoned_in(poisoned.rows.q, kind), 2 * 4);
    EXPECT_EQ(poisoned_in(poisoned.d_o, kind), 2 * 4);
    EXPECT_EQ(poisoned_in(poisoned.d_lse, kind), 2);
    EXPECT_EQ(poisoned_in(result.o, kind), 2 * 4);
    EXPECT_EQ(poisoned_in(result.m, kind), 2);
    EXPECT_EQ(poisoned_in(result.l, kind), 2);
    for (const int64_t row : {0, 2, 3, 4}) {
      EXPECT_EQ(testing::bits_of(poisoned.d_lse, kind * 6 + row),
                testing::bits_of(call.d_lse, row));
    }
  }
}

TEST(PseudoRandom, IsTheSameEachTimeAndBelowOne) {
  const Tensor numbers = pseudo_random({3, 100});
  EXPECT_TRUE(same_bits(numbers, pseudo_random({3, 100})));
  const auto* first = numbers.data<float>();
  const auto [least, most] = std::minmax_element(first, first + 300);
  EXPECT_GE(*least, -1);
  EXPECT_LE(*most, 1);
  EXPECT_LT(*least, -0.9F);
  EXPECT_GT(*most, 0.9F);
}

TEST(InputOf, NothingIsNothing) {
  EXPECT_FALSE(input_of(TensorView()).given());
  const Tensor numbers = pseudo_random({2, 3});
  EXPECT_EQ(input_of(numbers).stride[0], 3);
  EXPECT_EQ(input_of(numbers).stride[2], 0);
}

}  // namespace
}  // namespace maskwise::detail
