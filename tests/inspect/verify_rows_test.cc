#include "inspect/verify_rows.h"

#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::detail {
namespace {

using testing::AttentionCase;
using testing::make_case;
using testing::Rng;
using testing::same_bits;
using testing::throws_error;

using Rows = std::vector<int64_t>;

AttentionInputs inputs_of(const AttentionCase& call) {
  return check_attention(call.q, call.k, call.v, call.shape,
                         call.options_for(Backend::cpu));
}

TEST(VerifyRows, RowsThatSeeTheSameKeysAreOneGroup) {
  // Rows 0 and 2 see an even key each; rows 1 and 3 odd ones.
  const BoundMask mask = dilated(2).bind({1, 2, 4, 4});
  const std::vector<RowGroup> groups = group_rows(mask, {}, 64);
  ASSERT_EQ(groups.size(), 4U);
  EXPECT_EQ(groups[0].rows, (Rows{0, 2}));
  EXPECT_EQ(groups[1].rows, (Rows{1, 3}));
  EXPECT_EQ(groups[2].head, 1);
  EXPECT_EQ(groups[2].rows, (Rows{0, 2}));
}

TEST(VerifyRows, AFullGroupIsFollowedByAnother) {
  const std::vector<RowGroup> groups =
      group_rows(all().bind({2, 1, 5, 1}), {}, 2);
  ASSERT_EQ(groups.size(), 6U);
  EXPECT_EQ(groups[0].rows, (Rows{0, 1}));
  EXPECT_EQ(groups[1].rows, (Rows{2, 3}));
  EXPECT_EQ(groups[2].rows, (Rows{4}));
  EXPECT_EQ(groups[3].batch, 1);
}

TEST(VerifyRows, ABiasOfMinusInfinityTakesItsKeyAway) {
  Rng rng(1);
  AttentionCase call = make_case(rng, {1, 1, 2, 4}, prefix(3));
  const float inf = testing::kMinusInf;
  call.bias = Tensor::from<float>({2, 4}, {1, inf, 0, 0, 0, 0, 0, inf});
  const AttentionInputs inputs = inputs_of(call);
  const BoundMask mask = call.mask.bind(call.shape);
  const KeyIntervals first = keys_seen(mask, inputs.problem.bias, {0, 0, 0});
  EXPECT_EQ(first, (KeyIntervals{{0, 1}, {2, 3}}));
  EXPECT_EQ(keys_of(first), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(key_flags(first, 4), (std::vector<uint8_t>{1, 0, 1, 0}));
  EXPECT_EQ(keys_seen(mask, inputs.problem.bias, {0, 0, 1}),
            (KeyIntervals{{0, 3}}));
  EXPECT_EQ(group_rows(mask, inputs.problem.bias, 64).size(), 2U);
}

TEST(VerifyRows, ACutCallGivesTheBitsOfTheWholeCall) {
  Rng rng(2);
  AttentionCase call = make_case(rng, {2, 4, 5, 6}, all(), {.kv_heads = 2});
  call.options.softcap = 3;
  call.options.layout = Layout::blhd;
  for (TensorView* view : {&call.q, &call.k, &call.v}) {
    *view = call.own(Tensor::copy_of(view->permuted({0, 2, 1, 3})));
  }
  testing::add_bias(rng, call, {4, 1, 6});
  testing::add_alibi(call);
  call.kv_positions = Tensor::from<int64_t>({6}, {3, 1, 4, 1, 5, 9});
  const AttentionInputs inputs = inputs_of(call);
  const AttentionResult whole =
      attention(q_of(inputs.problem), k_of(inputs.problem),
                v_of(inputs.problem), compile(prefix(3).bind(call.shape)),
                whole_options(call.options_for(Backend::cpu)));

  const std::vector<int64_t> keys = {0, 1, 2};
  const RowGroup group = {1, 3, {4, 1}};
  const RowsCall cut = cut_call(inputs.problem, group, keys, Backend::cpu);
  const AttentionResult some =
      attention(cut.q, cut_out(inputs.problem.k, {1, 1, 0}, keys, 4),
                cut_out(inputs.problem.v, {1, 1, 0}, keys, 4),
                compile(all().bind({1, 1, 2, 3})), cut.with_tensors());
  for (int64_t i = 0; i < 2; ++i) {
    const int64_t row = (1 * 4 + 3) * 5 + group.rows[size_t(i)];
    for (int64_t d = 0; d < 4; ++d) {
      EXPECT_EQ(testing::bits_of(some.o, i * 4 + d),
                testing::bits_of(whole.o, row * 4 + d));
    }
    EXPECT_EQ(testing::bits_of(some.lse, i), testing::bits_of(whole.lse, row));
  }
}

TEST(VerifyRows, HeadsOfAGroupCanBeCutTogether) {
  Rng rng(4);
  AttentionCase call = make_case(rng, {2, 4, 3, 5}, all(), {.kv_heads = 2});
  testing::add_bias(rng, call, {4, 3, 5});
  testing::add_alibi(call);
  const AttentionInputs inputs = inputs_of(call);
  const RowGroup group = {1, 2, {2, 0}};
  const std::vector<int64_t> keys = {1, 4};
  const RowsCall both = cut_call(inputs.problem, group, keys, Backend::cpu, 2);
  EXPECT_EQ(both.q.shape(), (Shape{1, 2, 2, 4}));
  EXPECT_EQ(both.bias.shape(), (Shape{1, 2, 2, 2}));
  for (int64_t head = 0; head < 2; ++head) {
    const RowsCall one =
        cut_call(inputs.problem, {1, 2 + head, {2, 0}}, keys, Backend::cpu);
    for (int64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(testing::bits_of(both.q, head * 8 + i),
                testing::bits_of(one.q, i));
    }
    for (int64_t i = 0; i < 4; ++i) {
      EXPECT_EQ(testing::bits_of(both.bias, head * 4 + i),
                testing::bits_of(one.bias, i));
    }
    EXPECT_EQ(both.slopes.data<float>()[head], *one.slopes.data<float>());
  }
}

TEST(VerifyRows, TheWholeCallHasNoChosenRows) {
  const AttentionOptions whole =
      whole_options({.weights = Weights::all, .pair_rows = {1}});
  EXPECT_EQ(whole.weights, Weights::none);
  EXPECT_TRUE(whole.pair_rows.empty());
}

TEST(VerifyRows, ACallWithoutKeysCanBeCut) {
  Rng rng(3);
  const AttentionCase call = make_case(rng, {1, 1, 2, 3}, all());
  const AttentionInputs inputs = inputs_of(call);
  EXPECT_EQ(cut_out(inputs.problem.k, {0, 0, 0}, {}, 4).shape(),
            (Shape{1, 1, 0, 4}));
  const RowsCall cut = cut_call(inputs.problem, {0, 0, {1}}, {}, Backend::cpu);
  EXPECT_EQ(cut.q.shape(), (Shape{1, 1, 1, 4}));
  EXPECT_FALSE(cut.with_tensors().bias.defined());
}

TEST(VerifyRows, FourGibibytesOfWeightsAreTheMost) {
  require_pairs_fit("verify", {1, 1, 1 << 15, 1 << 15}, 1);
  EXPECT_TRUE(throws_error(
      ErrorCode::limit,
      "[verify] the weights of a call of shape [1, 1, 32768, 32769] would "
      "take 4295098368 bytes; expected at most 4294967296",
      [] {
        require_pairs_fit("verify", {1, 1, 1 << 15, (1 << 15) + 1}, 1);
      }));
}

}  // namespace
}  // namespace maskwise::detail
