// The unit of work of the kernels: the rows of one block for heads of one
// batch item that share a kv head and a plan.
#ifndef MASKWISE_BACKEND_CPU_BLOCK_TASK_H_
#define MASKWISE_BACKEND_CPU_BLOCK_TASK_H_

#include <cstdint>
#include <type_traits>

#include "backend/forward_problem.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Rows [row_begin, row_begin + rows) of the block are queries q_begin,
// q_begin + 1, ... of the call. Lane i of the task is row i % rows of head
// first_head + i / rows: where rows are few, the heads of a group are stacked
// to fill the vectors.
struct BlockTask {
  const RowBlock* block = nullptr;
  int32_t row_begin = 0;
  int32_t rows = 0;
  int64_t q_begin = 0;
  int64_t batch = 0;
  int64_t first_head = 0;
  int32_t heads = 1;  // rows * heads <= kBlockRows

  int32_t lanes() const { return rows * heads; }
  bool has_all_rows() const { return rows == block->rows; }
};

// Calls visit(row) for each lane of the task.
template <typename Visit>
void for_rows(const BlockTask& task, Visit visit) {
  for (int64_t h = 0; h < task.heads; ++h) {
    for (int64_t r = 0; r < task.rows; ++r) {
      visit(ProblemRow{task.batch, task.first_head + h, task.q_begin + r});
    }
  }
}

// rows[lane] = the row of the tensor, of any type, that is the lane's: those of
// a head lie one step apart.
template <typename Void, typename Float>
void find_task_rows(const BlockTask& task, const Strided<Void, Float>& tensor,
                    Float** rows) {
  using Byte = std::conditional_t<std::is_const_v<Void>, const char, char>;
  const int64_t step = tensor.stride[2] * size_of(tensor.dtype);
  for (int64_t h = 0; h < task.heads; ++h) {
    auto* const first = static_cast<Byte*>(
        tensor.row(task.batch, task.first_head + h, task.q_begin));
    int64_t offset = 0;
    for (int32_t r = 0; r < task.rows; ++r, offset += step) {
      *rows++ = reinterpret_cast<Float*>(first + offset);
    }
  }
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_BLOCK_TASK_H_
