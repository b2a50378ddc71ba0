#include "inspect/verify_keys.h"

#include <gtest/gtest.h>

#include "attention/attention_checks.h"
#include "maskwise/mask.h"
#include "tests/support/attention_case.h"

namespace maskwise::detail {
namespace {

using testing::AttentionCase;
using testing::make_case;
using testing::Rng;

using Numbers = std::vector<int64_t>;

TEST(VerifyKeys, KeysThatTheSameRowsSeeAreOneGroup) {
  // Every second key of every second row; heads 2 and 3 share kv head 1.
  const std::vector<KeyGroup> groups =
      group_keys(dilated(2, {.offset = 0}).bind({2, 4, 3, 5}), {}, 2, 64);
  ASSERT_EQ(groups.size(), 8U);
  EXPECT_EQ(groups[0].keys, (Numbers{0, 2, 4}));
  EXPECT_EQ(groups[0].rows, (KeyIntervals{{0, 1}, {2, 4}, {5, 6}}));
  EXPECT_EQ(groups[1].keys, (Numbers{1, 3}));
  EXPECT_EQ(groups[1].rows, (KeyIntervals{{1, 2}, {4, 5}}));
  EXPECT_EQ(groups[3].kv_head, 1);
  EXPECT_EQ(groups[7].batch, 1);
  EXPECT_EQ(queries_of(groups[0], 3), (Numbers{0, 2}));
  EXPECT_EQ(queries_of(groups[1], 3), Numbers{1});
}

TEST(VerifyKeys, HeadsOfAKvHeadMayDiffer) {
  const BoundMask mask = per_head({prefix(1), none()}).bind({1, 2, 2, 2});
  const std::vector<KeyGroup> groups = group_keys(mask, {}, 1, 64);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].rows, (KeyIntervals{{0, 2}}));
  EXPECT_TRUE(groups[1].rows.empty());
  EXPECT_EQ(queries_of(groups[0], 2), (Numbers{0, 1}));
  EXPECT_TRUE(queries_of(groups[1], 2).empty());
}

TEST(VerifyKeys, AFullGroupIsFollowedByAnother) {
  const std::vector<KeyGroup> groups =
      group_keys(all().bind({1, 1, 1, 5}), {}, 1, 2);
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[1].keys, (Numbers{2, 3}));
  EXPECT_EQ(groups[2].keys, Numbers{4});
  for (const KeyGroup& group : groups) {
    EXPECT_EQ(group.rows, (KeyIntervals{{0, 1}}));
  }
}

TEST(VerifyKeys, ABiasOfMinusInfinityHidesItsKey) {
  Rng rng(1);
  AttentionCase call = make_case(rng, {1, 1, 2, 2}, all());
  call.bias = Tensor::from<float>({2, 2}, {0, testing::kMinusInf, 1, 2});
  const AttentionInputs inputs = check_attention(
      call.q, call.k, call.v, call.shape, call.options_for(Backend::cpu));
  const std::vector<KeyGroup> groups =
      group_keys(call.mask.bind(call.shape), inputs.problem.bias, 1, 64);
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[1].rows, (KeyIntervals{{1, 2}}));
}

TEST(VerifyKeys, WithoutKeysThereAreNoGroups) {
  EXPECT_TRUE(group_keys(all().bind({1, 1, 2, 0}), {}, 1, 64).empty());
  EXPECT_EQ(group_keys(all().bind({1, 1, 0, 2}), {}, 1, 64).size(), 1U);
}

}  // namespace
}  // namespace maskwise::detail
