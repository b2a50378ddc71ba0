#include "backend/cpu/fold_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <iterator>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using detail::BlockTask;
using detail::FoldSpan;
using detail::FoldTable;
using detail::kKeyPadding;
using detail::kKeysAhead;

// A table with its own memory, over k and v of one head.
struct OwnTable {
  explicit OwnTable(int64_t capacity) {
    const auto entries = static_cast<size_t>(capacity + kKeysAhead);
    k.resize(entries);
    v.resize(entries);
    key.resize(entries);
    lanes.resize(entries);
    table.capacity = capacity;
    table.k = k.data();
    table.v = v.data();
    table.key = key.data();
    table.lanes = lanes.data();
  }

  std::vector<const float*> k;
  std::vector<const float*> v;
  std::vector<int32_t> key;
  std::vector<uint64_t> lanes;
  FoldTable table;
};

class FoldTableTest : public ::testing::Test {
 protected:
  FoldTableTest() {
    problem_.shape = {1, 2, 3, 10};
    problem_.kv_heads = 1;
    problem_.k = {memory_, {0, 0, 5, 1}, DType::f32};
    problem_.v = {memory_, {0, 0, 7, 1}, DType::f32};
  }

  // The first fold of the first block.
  FoldSpan first_fold(const MaskPlan& plan) {
    FoldSpan first;
    walk_folds(plan.data(), plan.data().blocks[0], [&](const FoldSpan& fold) {
      if (first.keys == 0) first = fold;
    });
    return first;
  }

  // All rows of the first block for the first heads.
  static BlockTask task_of(const MaskPlan& plan, int32_t heads) {
    const detail::RowBlock& block = plan.data().blocks[0];
    return {.block = &block, .rows = block.rows, .heads = heads};
  }

  float memory_[100] = {};
  detail::ForwardProblem problem_;
};

TEST_F(FoldTableTest, HoldsKeysWithTheirRowsOfMemoryAndLanes) {
  const MaskPlan plan = compile(causal({.offset = 1}).bind({1, 2, 3, 10}));
  const BlockTask task = task_of(plan, 2);
  OwnTable own(10);
  const FoldSpan rest =
      own.table.fill({problem_, plan.data(), task}, first_fold(plan));
  EXPECT_EQ(rest.keys, 0);
  ASSERT_EQ(own.table.count, 4);  // rows see keys 0..1, 0..2, 0..3
  const std::vector<uint64_t> seen = {0b111111, 0b111111, 0b110110, 0b100100};
  for (int32_t i = 0; i < 4; ++i) {
    const auto at = static_cast<size_t>(i);
    EXPECT_EQ(own.key[at], i);
    EXPECT_EQ(own.k[at], memory_ + 5 * i);
    EXPECT_EQ(own.v[at], memory_ + 7 * i);
    EXPECT_EQ(own.lanes[at], seen[at]) << i;
  }
  // Tiles may read the last key again, and then ask for rows of V.
  for (size_t i = 4; i < 4 + kKeysAhead; ++i) {
    const size_t behind = i - 4;
    EXPECT_EQ(own.v[i], own.v[3]);
    EXPECT_EQ(own.k[i],
              behind < kKeyPadding ? own.k[3] : own.v[behind - kKeyPadding])
        << i;
  }
  EXPECT_TRUE(own.table.is_full(0, 2, all_lanes_of(task)));
  EXPECT_FALSE(own.table.is_full(1, 2, all_lanes_of(task)));
}

TEST_F(FoldTableTest, AFoldThatDoesNotFitIsHeldPartByPart) {
  const MaskPlan plan = compile((prefix(3) | ~prefix(5)).bind({1, 2, 3, 10}));
  const BlockTask task = task_of(plan, 1);
  OwnTable own(3);
  FoldSpan fold = first_fold(plan);
  std::vector<int32_t> keys;
  while (fold.keys > 0) {
    fold = own.table.fill({problem_, plan.data(), task}, fold);
    EXPECT_LE(own.table.count, 3);
    keys.insert(keys.end(), own.key.begin(), own.key.begin() + own.table.count);
  }
  EXPECT_EQ(keys, (std::vector<int32_t>{0, 1, 2, 5, 6, 7, 8, 9}));
}

TEST_F(FoldTableTest, SomeRowsOfABlockSeeTheirOwnKeysOnly) {
  const MaskPlan plan = compile(
      sliding_window({.left = 1, .right = 0, .offset = 2}).bind({1, 2, 3, 10}));
  BlockTask task = task_of(plan, 2);
  task.row_begin = 1;
  task.rows = 1;
  OwnTable own(10);
  own.table.fill({problem_, plan.data(), task}, first_fold(plan));
  ASSERT_EQ(own.table.count, 2);
  EXPECT_EQ(own.key[0], 2);
  EXPECT_EQ(own.key[1], 3);
  EXPECT_EQ(own.lanes[0], 0b11U);
}

// Key 4j + i of the page table {2, 0, 1} is key i of a page; panels of two.
class PagedFoldTableTest : public FoldTableTest {
 protected:
  PagedFoldTableTest() {
    problem_.head_dim = 3;
    problem_.paged = {.k = memory_,
                      .v = memory_,
                      .pages = pages_,
                      .pages_per_item = 3,
                      .page_keys = 4,
                      .panel_keys = 2,
                      .k_head_step = 12,
                      .v_head_step = 8,
                      .v_row_step = 2,
                      .lengths = lengths_};
  }

  // That a table of the mask holds these keys, where each lies.
  void holds(const Mask& mask, const std::vector<int32_t>& keys) {
    constexpr int64_t kKeyAt[] = {24, 25, 30, 31, 0, 1, 6};
    constexpr int64_t kValueAt[] = {16, 18, 20, 22, 0, 2, 4};
    const MaskPlan plan = compile(mask.bind({1, 2, 1, 10}));
    OwnTable own(10);
    own.table.fill({problem_, plan.data(), task_of(plan, 1)}, first_fold(plan));
    ASSERT_EQ(own.table.count, std::ssize(keys));
    for (size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(own.key[i], keys[i]) << i;
      EXPECT_EQ(own.k[i] - memory_, kKeyAt[keys[i]]) << i;
      EXPECT_EQ(own.v[i] - memory_, kValueAt[keys[i]]) << i;
    }
  }

  int32_t pages_[3] = {2, 0, 1};
  int64_t lengths_[1] = {7};
};

TEST_F(PagedFoldTableTest, KeysAreFoundByTheTableAndCutAtTheLength) {
  holds(all(), {0, 1, 2, 3, 4, 5, 6});
}

TEST_F(PagedFoldTableTest, KeysOfAPageMayBeLeftOut) {
  holds(prefix(2) | ~prefix(3), {0, 1, 3, 4, 5, 6});
  holds(~prefix(1) & ~(prefix(5) & ~prefix(3)), {1, 2, 5, 6});
  holds(prefix(1) | (prefix(4) & ~prefix(3)), {0, 3});
}

TEST_F(FoldTableTest, SixtyFourLanesAreAllBits) {
  const MaskPlan plan = compile(all().bind({1, 2, 64, 10}));
  const BlockTask task = task_of(plan, 1);
  EXPECT_EQ(all_lanes_of(task), ~uint64_t{0});
}

}  // namespace
}  // namespace maskwise::testing
