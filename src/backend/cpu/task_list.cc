#include "backend/cpu/task_list.h"

#include <algorithm>

namespace maskwise::detail {

bool stack_heads(const ForwardProblem& problem, const PlanData& plan,
                 BlockTask& task) {
  const int64_t most_heads = kBlockRows / task.rows;
  if (most_heads == 1) return true;
  const int64_t group = problem.shape.heads / problem.kv_heads;
  const int64_t first_of_group = task.first_head / group * group;
  const auto slice_at = [&](int64_t head) {
    return plan.slice_of_use[static_cast<size_t>(
        task.batch * problem.shape.heads + head)];
  };
  const int32_t slice = slice_at(task.first_head);
  int64_t begin = task.first_head;
  while (begin > first_of_group && slice_at(begin - 1) == slice) --begin;
  if ((task.first_head - begin) % most_heads != 0) return false;
  const int64_t most =
      std::min(first_of_group + group, task.first_head + most_heads);
  int64_t end = task.first_head + 1;
  while (end < most && slice_at(end) == slice) ++end;
  task.heads = static_cast<int32_t>(end - task.first_head);
  return true;
}

int64_t TaskList::count() const {
  return plan_.first_task.empty() ? 0 : plan_.first_task.back();
}

// Uses take turns at a block in groups. Of the last group, which may be
// smaller, no thread has much more than the others.
TaskList::Turn TaskList::turn_of(const Slice& slice, int64_t nth) const {
  constexpr int64_t kBlocksOfAThread = 4;
  const int64_t blocks = slice.block_count;
  const int64_t together = (kBlocksOfAThread * threads_ + blocks - 1) / blocks;
  const int64_t first = nth / (together * blocks) * together;
  const int64_t uses = std::min(together, slice.use_count - first);
  const int64_t in_group = nth - first * blocks;
  return {.block = in_group / uses, .use = first + in_group % uses};
}

std::optional<BlockTask> TaskList::task(int64_t number) const {
  const auto after = std::ranges::upper_bound(plan_.first_task, number);
  const auto position =
      static_cast<size_t>(after - plan_.first_task.begin()) - 1;
  const Slice& slice =
      plan_.slices[static_cast<size_t>(plan_.slice_schedule[position])];
  const Turn turn = turn_of(slice, number - plan_.first_task[position]);
  const auto at = static_cast<size_t>(slice.first_block + turn.block);
  const RowBlock& block =
      plan_.blocks[static_cast<size_t>(plan_.block_schedule[at])];
  const int64_t head =
      plan_.slice_uses[static_cast<size_t>(slice.first_use + turn.use)];

  BlockTask task = {.block = &block,
                    .row_begin = 0,
                    .rows = block.rows,
                    .q_begin = block.q_begin,
                    .batch = head / problem_.shape.heads,
                    .first_head = head % problem_.shape.heads,
                    .heads = 1};
  if (!stack_heads(problem_, plan_, task)) return std::nullopt;
  return task;
}

}  // namespace maskwise::detail
