#include "backend/cpu/task_list.h"

#include <gtest/gtest.h>

#include <set>
#include <tuple>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"

namespace maskwise::testing {
namespace {

using detail::BlockTask;

struct Tasks {
  MaskPlan plan;
  std::vector<BlockTask> list;

  Tasks(const Mask& mask, const AttentionShape& shape, int64_t kv_heads,
        int64_t threads = 1)
      : plan(compile(mask.bind(shape))) {
    detail::ForwardProblem problem;
    problem.shape = {shape.batch, shape.heads, shape.q_len, shape.kv_len};
    problem.kv_heads = kv_heads;
    const detail::TaskList tasks(problem, plan.data(), threads);
    for (int64_t i = 0; i < tasks.count(); ++i) {
      if (const auto task = tasks.task(i)) list.push_back(*task);
    }
  }

  // How often each row of each head is somebody's, as (batch, head, q).
  std::multiset<std::tuple<int64_t, int64_t, int64_t>> rows() const {
    std::multiset<std::tuple<int64_t, int64_t, int64_t>> found;
    for (const BlockTask& task : list) {
      for (int64_t h = 0; h < task.heads; ++h) {
        for (int64_t r = 0; r < task.block->rows; ++r) {
          found.insert(
              {task.batch, task.first_head + h, task.block->q_begin + r});
        }
      }
    }
    return found;
  }
};

TEST(TaskList, EveryRowOfEveryHeadIsInOneTask) {
  const Mask mask =
      per_head({all(), prefix(3), all(), all(), prefix(3), all()});
  for (const int64_t kv_heads : {1, 2, 3, 6}) {
    for (const int64_t threads : {1, 2, 3, 64}) {
      const Tasks tasks(mask, {2, 6, 70, 9}, kv_heads, threads);
      const auto rows = tasks.rows();
      EXPECT_EQ(rows.size(), 2U * 6 * 70);
      const std::set unique(rows.begin(), rows.end());
      EXPECT_EQ(unique.size(), rows.size());
    }
  }
}

TEST(TaskList, HeadsOfAGroupAreStackedWhereRowsAreFew) {
  const Tasks decode(all(), {2, 8, 1, 9}, 2);
  ASSERT_EQ(decode.list.size(), 4U);  // 2 items, 2 groups of 4 heads
  for (const BlockTask& task : decode.list) {
    EXPECT_EQ(task.heads, 4);
    EXPECT_EQ(task.first_head % 4, 0);
    EXPECT_EQ(task.lanes(), 4);
  }
  const Tasks whole_blocks(all(), {1, 8, 64, 9}, 2);
  EXPECT_EQ(whole_blocks.list.size(), 8U);
  const Tasks most(all(), {1, 100, 3, 9}, 1);
  for (const BlockTask& task : most.list) EXPECT_LE(task.lanes(), 64);
}

TEST(TaskList, HeadsWithOtherMasksAreNotStacked) {
  const Tasks tasks(per_head({all(), prefix(3), all(), all()}), {1, 4, 1, 9},
                    1);
  std::multiset<int32_t> stacks;
  for (const BlockTask& task : tasks.list) stacks.insert(task.heads);
  EXPECT_EQ(stacks, (std::multiset<int32_t>{1, 1, 2}));
}

int64_t work_of(const BlockTask& task) {
  return task.block->key_count * task.block->rows;
}

TEST(TaskList, HeadsComeOneAfterTheOtherAndTheLongestBlocksOfEachFirst) {
  const Tasks tasks(causal(), {2, 2, 300, 300}, 1);
  ASSERT_EQ(tasks.list.size(), 4U * 5);
  for (size_t i = 0; i < tasks.list.size(); ++i) {
    const BlockTask& task = tasks.list[i];
    EXPECT_EQ(static_cast<size_t>(task.batch * 2 + task.first_head), i / 5);
    if (i % 5 > 0) {
      EXPECT_GE(work_of(tasks.list[i - 1]), work_of(task));
    }
  }
}

// Three heads of five blocks give three threads at least four each.
TEST(TaskList, ThreadsThatAHeadCannotFeedTakeSeveralTogether) {
  const Tasks tasks(causal(), {1, 4, 300, 300}, 1, 3);
  ASSERT_EQ(tasks.list.size(), 4U * 5);
  for (size_t i = 0; i < 15; ++i) {
    EXPECT_EQ(tasks.list[i].first_head, static_cast<int64_t>(i % 3));
    if (i > 0) {
      EXPECT_GE(work_of(tasks.list[i - 1]), work_of(tasks.list[i]));
    }
  }
  for (size_t i = 15; i < 20; ++i) EXPECT_EQ(tasks.list[i].first_head, 3);
}

}  // namespace
}  // namespace maskwise::testing
