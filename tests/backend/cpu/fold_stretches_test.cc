#include "backend/cpu/fold_stretches.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using detail::BlockTask;
using detail::FoldSpan;
using detail::FoldStretches;
using detail::KeyStretch;

// A stretch as it should be: k and v in elements from the memory's begin.
struct Expected {
  int32_t count = 0;
  int32_t lane = 0;
  int64_t k = 0;
  int64_t v = 0;

  bool operator==(const Expected&) const = default;
};

// Two heads that share K and V, in rows of 5 and of 7 elements.
class FoldStretchesTest : public ::testing::Test {
 protected:
  FoldStretchesTest() : memory_(1000) {
    problem_.shape = {1, 2, 3, 10};
    problem_.kv_heads = 1;
    problem_.head_dim = 5;
    problem_.k = {memory_.data(), {0, 0, 5, 1}, DType::f32};
    problem_.v = {memory_.data(), {0, 0, 7, 1}, DType::f32};
  }

  // Key i lies in page i / 4, and these at 2, 0, 1: panels of two keys, [D][2],
  // and rows of V of 16 elements.
  void use_pages(int64_t length) {
    length_ = length;
    problem_.paged = {.k = memory_.data(),
                      .v = memory_.data(),
                      .pages = pages_,
                      .pages_per_item = 3,
                      .page_keys = 4,
                      .panel_keys = 2,
                      .k_head_step = 20,
                      .v_head_step = 64,
                      .v_row_step = 16,
                      .lengths = &length_};
  }

  // Finds those of the first fold, for `rows` rows of the first block from
  // `row_begin` on.
  bool find(const Mask& mask, int32_t row_begin, int32_t rows) {
    const MaskPlan plan = compile(mask.bind({1, 2, 3, 10}));
    const detail::RowBlock& block = plan.data().blocks[0];
    BlockTask task = {.block = &block, .rows = rows, .heads = 2};
    task.row_begin = row_begin;
    FoldSpan first;
    walk_folds(plan.data(), block, [&](const FoldSpan& fold) {
      if (first.keys == 0) first = fold;
    });
    return found_.find({problem_, plan.data(), task}, first);
  }

  std::vector<Expected> found() const {
    std::vector<Expected> all;
    for (const KeyStretch& stretch : found_) {
      all.push_back({stretch.count, stretch.lane, stretch.k - memory_.data(),
                     stretch.v - memory_.data()});
    }
    return all;
  }

  std::vector<int32_t> keys() const {
    std::vector<int32_t> key(static_cast<size_t>(found_.keys()));
    found_.list_keys(key.data());
    return key;
  }

  std::vector<float> memory_;
  int32_t pages_[3] = {2, 0, 1};
  int64_t length_ = 0;
  detail::ForwardProblem problem_;
  FoldStretches found_;
};

TEST_F(FoldStretchesTest, KeysThatFollowEachOtherAreOne) {
  ASSERT_TRUE(find(all(), 0, 3));
  EXPECT_EQ(found(), (std::vector<Expected>{{10, 0, 0, 0}}));
  EXPECT_EQ(keys(), (std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_FALSE(found_.are_long());
}

TEST_F(FoldStretchesTest, KeysThatNobodySeesPartThem) {
  ASSERT_TRUE(find(prefix(2) | ~prefix(6), 0, 3));
  EXPECT_EQ(found(), (std::vector<Expected>{{2, 0, 0, 0}, {4, 0, 30, 42}}));
  EXPECT_EQ(keys(), (std::vector<int32_t>{0, 1, 6, 7, 8, 9}));
}

// Rows see keys 0..1, 0..2 and 0..3.
TEST_F(FoldStretchesTest, ASingleRowIsGivenTheKeysThatItSees) {
  const Mask mask = causal({.offset = 1});
  ASSERT_TRUE(find(mask, 1, 1));
  EXPECT_EQ(keys(), (std::vector<int32_t>{0, 1, 2}));
  ASSERT_TRUE(find(mask, 2, 1));
  EXPECT_EQ(keys(), (std::vector<int32_t>{0, 1, 2, 3}));
}

TEST_F(FoldStretchesTest, RowsThatSeeDifferentKeysHaveNone) {
  EXPECT_FALSE(find(causal({.offset = 1}), 0, 3));
}

TEST_F(FoldStretchesTest, PagesPartThemAndTheLengthEndsThem) {
  use_pages(7);
  ASSERT_TRUE(find(~prefix(1), 0, 3));
  EXPECT_EQ(found(), (std::vector<Expected>{{3, 1, 40, 144}, {3, 0, 0, 0}}));
  EXPECT_EQ(keys(), (std::vector<int32_t>{1, 2, 3, 4, 5, 6}));
  ASSERT_TRUE(find(~prefix(3), 0, 3));
  EXPECT_EQ(found(), (std::vector<Expected>{{1, 1, 50, 176}, {3, 0, 0, 0}}));
}

TEST_F(FoldStretchesTest, NothingIsLeftOfKeysBehindTheLength) {
  use_pages(4);
  ASSERT_TRUE(find(~prefix(5), 0, 3));
  EXPECT_EQ(found(), std::vector<Expected>());
  EXPECT_EQ(found_.keys(), 0);
}

// Every other key, as a tensor says it.
TEST_F(FoldStretchesTest, ManyKeysThatLieAloneHaveNone) {
  constexpr int64_t kKeys = 1000;
  Tensor even(DType::u8, {1, 1, 1, kKeys});
  for (int64_t i = 0; i < kKeys; ++i) {
    even.mutable_data<uint8_t>()[i] = i % 2 == 0 ? 1 : 0;
  }
  const MaskPlan plan = compile(allow(even.view()).bind({1, 2, 1, kKeys}));
  problem_.shape = {1, 2, 1, kKeys};
  const BlockTask task = {
      .block = &plan.data().blocks[0], .rows = 1, .heads = 2};
  FoldSpan first;
  walk_folds(plan.data(), plan.data().blocks[0],
             [&](const FoldSpan& fold) { first = fold; });
  EXPECT_FALSE(found_.find({problem_, plan.data(), task}, first));
}

}  // namespace
}  // namespace maskwise::testing
