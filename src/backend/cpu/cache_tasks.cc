#include "backend/cpu/cache_tasks.h"

#include <algorithm>

#include "backend/cpu/task_list.h"

namespace maskwise::detail {

// Blocks that q_len rows, beginning anywhere, can touch.
int64_t CacheTasks::blocks_of_a_head() const {
  return (problem_.shape.q_len + plan_.fewest_rows - 2) / plan_.fewest_rows + 1;
}

int64_t CacheTasks::count() const {
  return problem_.shape.q_len == 0
             ? 0
             : problem_.shape.batch * problem_.shape.heads * blocks_of_a_head();
}

std::optional<BlockTask> CacheTasks::task(int64_t number) const {
  BlockTask task;
  const int64_t nth = number % blocks_of_a_head();
  const int64_t use = number / blocks_of_a_head();
  task.batch = use / problem_.shape.heads;
  task.first_head = use % problem_.shape.heads;
  const int64_t end = problem_.paged.lengths[task.batch];
  const int64_t begin = problem_.paged.begins[task.batch];

  const Slice& slice = plan_.slices[static_cast<size_t>(
      plan_.slice_of_use[static_cast<size_t>(use)])];
  const RowBlock* blocks = plan_.blocks.data() + slice.first_block;
  const RowBlock* blocks_end = blocks + slice.block_count;
  const RowBlock* block = std::upper_bound(blocks, blocks_end, begin,
                                           [](int64_t row, const RowBlock& b) {
                                             return row < b.q_begin;
                                           }) -
                          1 + nth;
  if (block >= blocks_end || block->q_begin >= end) return std::nullopt;

  const int64_t first = std::max<int64_t>(begin, block->q_begin);
  const int64_t last = std::min<int64_t>(end, block->q_begin + block->rows);
  if (first >= last) return std::nullopt;
  task.block = block;
  task.row_begin = static_cast<int32_t>(first - block->q_begin);
  task.rows = static_cast<int32_t>(last - first);
  task.q_begin = first - begin;
  if (!stack_heads(problem_, plan_, task)) return std::nullopt;
  return task;
}

}  // namespace maskwise::detail
