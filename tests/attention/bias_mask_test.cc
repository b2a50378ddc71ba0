// A bias of -inf removes its pair as a mask does.
#include "attention/bias_mask.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 11;

TEST(BiasMaskTest, MinusInfIsFoundWhereverItStandsAndNothingElseIs) {
  const detail::ProblemShape shape = {2, 3, 4, 5};
  std::vector<float> values(4 * 5, kFinfoMin);
  values[3] = kInf;
  values[4] = kNan;
  // [Lq, Lk], repeated over items and heads.
  const detail::Input bias = {values.data(), {0, 0, 5, 1}, DType::f32};
  EXPECT_FALSE(has_minus_inf(bias, shape));
  for (float& value : values) {
    const float before = std::exchange(value, kMinusInf);
    EXPECT_TRUE(has_minus_inf(bias, shape));
    value = before;
  }
}

TEST(BiasMaskTest, PairsWithMinusInfAreRemovedFromThePlan) {
  const MaskPlan plan = compile(causal().bind({1, 2, 4, 4}));
  const Tensor bias = Tensor::from<float>({4}, {kMinusInf, 0, 0, kMinusInf});
  const MaskPlan less = detail::plan_without_minus_inf(plan, bias);
  EXPECT_EQ(
      diff(less.mask().mask(), causal() & ~prefix(1) & prefix(3), plan.shape())
          .count,
      0);
  EXPECT_EQ(less.stats().visible_pairs, 2 * (0 + 1 + 2 + 2));
}

// Whatever its rank, and with other values beside.
TEST(BiasMaskTest, MinusInfInABiasGivesTheBitsOfAMask) {
  Rng rng(kSeed);
  for (int64_t i = 0; i < cases(300); ++i) {
    const AttentionShape shape{.batch = 2,
                               .heads = 2,
                               .q_len = uniform(rng, 1, 6),
                               .kv_len = uniform(rng, 1, 9)};
    AttentionCase call = make_case(rng, shape, random_mask(rng, shape));
    add_bias(rng, call, random_bias_shape(rng, shape));
    const Tensor kept = random_bools(rng, call.bias.shape(), 0.6);
    const Mask mask = call.mask;
    call.mask = mask & allow(kept);
    const AttentionResult masked = call.run();
    for (int64_t j = 0; j < kept.size(); ++j) {
      if (!kept.data<bool>()[j]) call.bias.mutable_data<float>()[j] = kMinusInf;
    }
    ASSERT_TRUE(same_bits(call.run(), masked)) << "case " << i;  // by both
    call.mask = mask;
    ASSERT_TRUE(same_bits(call.run(), masked)) << "case " << i;
    ASSERT_TRUE(same_bits(call.run(Backend::reference), masked))
        << "case " << i;
  }
}

TEST(BiasMaskTest, TheCallersMemoryCapHoldsForTheSecondPlan) {
  Rng rng(kSeed);
  const BoundMask mask = all().bind({1, 1, 256, 256});
  Tensor bias(DType::f32, {256, 256});
  const Tensor kept = random_bools(rng, bias.shape(), 0.5);
  for (int64_t i = 0; i < bias.size(); ++i) {
    bias.mutable_data<float>()[i] = kept.data<bool>()[i] ? 0 : kMinusInf;
  }
  const MaskPlan plan = compile(mask, {.memory_cap = 4096});
  EXPECT_EQ(plan.options().memory_cap, 4096);
  EXPECT_TRUE(throws_error(ErrorCode::limit, "expected at most 4 KiB", [&] {
    (void)detail::plan_without_minus_inf(plan, bias);
  }));
  const MaskPlan roomy = detail::plan_without_minus_inf(compile(mask), bias);
  EXPECT_GT(roomy.stats().plan_bytes, 4096);
}

TEST(BiasMaskTest, OneMinusInfForAllPairsMasksThemAll) {
  Rng rng(kSeed);
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{1, 1, 1, 1}}) {
    AttentionCase call = make_case(rng, {1, 2, 3, 4}, all());
    call.bias = Tensor(DType::f32, shape);
    call.bias.mutable_data<float>()[0] = kMinusInf;
    const AttentionResult result = call.run();
    EXPECT_TRUE(same_bits(result, call.run(Backend::reference)));
    EXPECT_EQ(result.lse.data<float>()[0], kMinusInf);
  }
}

}  // namespace
}  // namespace maskwise::testing
