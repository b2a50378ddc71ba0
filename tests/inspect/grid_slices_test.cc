#include "inspect/grid_slices.h"

#include <gtest/gtest.h>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

std::vector<std::string> users_of(const BoundMask& mask) {
  std::vector<std::string> users;
  for (const GridSlice& slice : grid_slices(mask)) {
    users.push_back(describe_users(slice, mask.shape().heads));
  }
  return users;
}

using Texts = std::vector<std::string>;

TEST(GridSlices, OneMaskForAllIsOneSlice) {
  EXPECT_EQ(users_of(causal().bind({1, 1, 3, 3})), Texts{"batch 0, head 0"});
  EXPECT_EQ(users_of(causal().bind({3, 4, 3, 3})),
            Texts{"batch 0-2, heads 0-3"});
}

TEST(GridSlices, MasksAreComparedByWhatTheyAllow) {
  // Other ids, the same padding; and heads that say one thing in two ways.
  const Tensor ids = Tensor::from<int64_t>({3, 3}, {1, 2, 0, 7, 8, 9, 5, 6, 0});
  EXPECT_EQ(users_of(padding(ids).bind({3, 1, 3, 3})),
            (Texts{"batch 0 and 2, head 0", "batch 1, head 0"}));
  const Mask heads = per_head({causal(), sliding_window({.right = 0}), all()});
  EXPECT_EQ(users_of(heads.bind({2, 3, 3, 3})),
            (Texts{"batch 0-1, heads 0-1", "batch 0-1, head 2"}));
}

TEST(GridSlices, HeadsThatDifferByItemAreNamedByItem) {
  const Mask mask = per_batch({per_head({causal(), all(), causal()}),
                               per_head({all(), all(), causal()})});
  EXPECT_EQ(users_of(mask.bind({2, 3, 3, 3})),
            (Texts{"batch 0, heads 0 and 2; batch 1, head 2",
                   "batch 0, head 1; batch 1, heads 0-1"}));
}

TEST(GridSlices, LongListsAreCutAndCounted) {
  std::vector<int64_t> each;
  for (int64_t b = 0; b < 20; ++b) each.push_back(b % 2);
  EXPECT_EQ(users_of(lengths(each).bind({20, 1, 1, 1}))[0],
            "batch 0, 2, 4, 6, 8, 10, ... (10 in all), head 0");
}

TEST(GridSlices, AnItemOrAHeadCanBeChosen) {
  const BoundMask mask = per_head({causal(), all()}).bind({3, 2, 4, 4});
  const std::vector<GridSlice> slices = grid_slices(mask, 1, 1);
  ASSERT_EQ(slices.size(), 1U);
  EXPECT_EQ(describe_users(slices[0], 2), "batch 1, head 1");
  EXPECT_EQ(slices[0].visible_pairs, 16);
  EXPECT_EQ(grid_slices(mask, 1).size(), 2U);
  EXPECT_TRUE(testing::throws_error(ErrorCode::invalid_argument,
                                    "expected 0 <= batch < 3",
                                    [&] { grid_slices(mask, 3); }));
}

TEST(GridSlices, TheAxesOverWhichAMaskVariesAreTold) {
  const AttentionShape shape = {2, 2, 3, 3};
  const auto varies = [&](const Mask& mask) {
    const std::vector<GridSlice> slices = grid_slices(mask.bind(shape));
    return std::pair(varies_over_batch(slices, shape),
                     varies_over_heads(slices, shape));
  };
  EXPECT_EQ(varies(causal()), std::pair(false, false));
  EXPECT_EQ(varies(lengths({1, 2})), std::pair(true, false));
  EXPECT_EQ(varies(per_head({all(), none()})), std::pair(false, true));
  EXPECT_EQ(varies(per_batch({all(), per_head({all(), none()})})),
            std::pair(true, true));
}

}  // namespace
}  // namespace maskwise::detail
