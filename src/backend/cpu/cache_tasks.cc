#include "backend/cpu/cache_tasks.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

// Rows of the smallest blocks that a plan cuts rows into.
constexpr int64_t kFewestBlockRows = 16;

}  // namespace

// Blocks that q_len rows, beginning anywhere, can touch.
int64_t CacheTasks::blocks_of_a_head() const {
  return (problem_.shape.q_len + kFewestBlockRows - 2) / kFewestBlockRows + 1;
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

  const Slice& slice =
      plan_.slices[static_cast<size_t>(slice_at(task.batch, task.first_head))];
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
  if (!stack_heads(task)) return std::nullopt;
  return task;
}

// Stacks the heads from the task's on that share its slice and kv head; false
// when the task of an earlier head has it.
bool CacheTasks::stack_heads(BlockTask& task) const {
  const int64_t most_heads = kBlockRows / task.rows;
  const int64_t group = problem_.shape.heads / problem_.kv_heads;
  const int64_t first_of_group = task.first_head / group * group;
  const int32_t slice = slice_at(task.batch, task.first_head);
  int64_t begin = task.first_head;
  while (begin > first_of_group && slice_at(task.batch, begin - 1) == slice) {
    --begin;
  }
  if ((task.first_head - begin) % most_heads != 0) return false;
  int64_t end = task.first_head + 1;
  while (end < std::min(first_of_group + group, task.first_head + most_heads) &&
         slice_at(task.batch, end) == slice) {
    ++end;
  }
  task.heads = static_cast<int32_t>(end - task.first_head);
  return true;
}

}  // namespace maskwise::detail
