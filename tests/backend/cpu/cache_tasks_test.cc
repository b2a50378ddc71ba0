#include "backend/cpu/cache_tasks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using detail::BlockTask;

// Sequences of these lengths, of which so many tokens are new.
struct Tasks {
  Tasks(const Mask& mask, int64_t heads, std::vector<int64_t> length,
        std::vector<int64_t> added)
      : lengths(std::move(length)),
        newest(std::move(added)),
        plan(compile(mask.bind({std::ssize(lengths), heads, 300, 300}))) {
    problem.shape = {std::ssize(lengths), heads,
                     *std::ranges::max_element(newest), 300};
    problem.kv_heads = 2;
    problem.paged.lengths = lengths.data();
    for (size_t b = 0; b < lengths.size(); ++b) {
      begins.push_back(lengths[b] - newest[b]);
    }
    problem.paged.begins = begins.data();
    const detail::CacheTasks tasks(problem, plan.data());
    for (int64_t i = 0; i < tasks.count(); ++i) {
      if (const auto task = tasks.task(i)) list.push_back(*task);
    }
  }

  std::vector<int64_t> lengths;
  std::vector<int64_t> newest;
  std::vector<int64_t> begins;
  MaskPlan plan;
  detail::ForwardProblem problem;
  std::vector<BlockTask> list;
};

TEST(CacheTasks, EveryNewTokenOfEveryHeadIsInOneTaskAtItsRowOfThePlan) {
  const Tasks tasks(per_head({causal(), causal(), prefix(9), causal()}), 4,
                    {290, 64, 1, 130}, {100, 1, 1, 0});
  std::multiset<std::tuple<int64_t, int64_t, int64_t>> rows;
  for (const BlockTask& task : tasks.list) {
    const auto b = static_cast<size_t>(task.batch);
    EXPECT_EQ(task.block->q_begin + task.row_begin,
              tasks.lengths[b] - tasks.newest[b] + task.q_begin);
    EXPECT_LE(task.row_begin + task.rows, task.block->rows);
    for (int64_t h = 0; h < task.heads; ++h) {
      for (int64_t r = 0; r < task.rows; ++r) {
        rows.insert({task.batch, task.first_head + h, task.q_begin + r});
      }
    }
  }
  EXPECT_EQ(rows.size(), 4U * (100 + 1 + 1));
  const std::set unique(rows.begin(), rows.end());
  EXPECT_EQ(unique.size(), rows.size());
}

TEST(CacheTasks, HeadsOfAGroupWithOneMaskAreStacked) {
  const Tasks same(causal(), 8, {50}, {1});
  ASSERT_EQ(same.list.size(), 2U);
  EXPECT_EQ(same.list[0].heads, 4);
  const Tasks other(per_head({causal(), causal(), prefix(9), causal(), causal(),
                              causal(), causal(), causal()}),
                    8, {50}, {1});
  std::multiset<int32_t> stacks;
  for (const BlockTask& task : other.list) stacks.insert(task.heads);
  EXPECT_EQ(stacks, (std::multiset<int32_t>{1, 1, 2, 4}));
}

TEST(CacheTasks, NoNewTokenIsNoTask) {
  const Tasks none(causal(), 2, {50, 0}, {0, 0});
  EXPECT_TRUE(none.list.empty());
}

}  // namespace
}  // namespace maskwise::testing
