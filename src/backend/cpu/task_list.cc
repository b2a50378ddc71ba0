#include "backend/cpu/task_list.h"

#include <algorithm>

namespace maskwise::detail {

int64_t TaskList::count() const {
  return plan_.first_task.empty() ? 0 : plan_.first_task.back();
}

TaskList::HeadRun TaskList::heads_around(const Slice& slice,
                                         int64_t use) const {
  const int64_t group = problem_.shape.heads / problem_.kv_heads;
  const auto head_at = [&](int64_t i) {
    return int64_t{plan_.slice_uses[static_cast<size_t>(i)]};
  };
  const int64_t kv_head = head_at(use) / group;
  const auto belongs = [&](int64_t i) {
    return head_at(i) == head_at(use) + i - use &&
           head_at(i) / group == kv_head;
  };
  HeadRun run = {use, use + 1};
  while (run.begin > slice.first_use && belongs(run.begin - 1)) --run.begin;
  const int64_t end = slice.first_use + slice.use_count;
  while (run.end < end && belongs(run.end)) ++run.end;
  return run;
}

std::optional<BlockTask> TaskList::task(int64_t number) const {
  const auto after = std::ranges::upper_bound(plan_.first_task, number);
  const auto position =
      static_cast<size_t>(after - plan_.first_task.begin()) - 1;
  const auto index = static_cast<size_t>(plan_.schedule[position]);
  const RowBlock& block = plan_.blocks[index];
  const Slice& slice =
      plan_.slices[static_cast<size_t>(plan_.slice_of_block[index])];
  const int64_t use = slice.first_use + number - plan_.first_task[position];
  const int64_t head = plan_.slice_uses[static_cast<size_t>(use)];

  BlockTask task = {.block = &block,
                    .row_begin = 0,
                    .rows = block.rows,
                    .q_begin = block.q_begin,
                    .batch = head / problem_.shape.heads,
                    .first_head = head % problem_.shape.heads,
                    .heads = 1};
  const int64_t most_heads = kBlockRows / block.rows;
  if (most_heads == 1) return task;
  const HeadRun run = heads_around(slice, use);
  if ((use - run.begin) % most_heads != 0) return std::nullopt;
  task.heads = static_cast<int32_t>(std::min(most_heads, run.end - use));
  return task;
}

}  // namespace maskwise::detail
