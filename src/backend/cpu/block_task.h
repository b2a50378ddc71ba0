// The unit of work of the kernels: the rows of one block for heads of one
// batch item that share a kv head and a plan.
#ifndef MASKWISE_BACKEND_CPU_BLOCK_TASK_H_
#define MASKWISE_BACKEND_CPU_BLOCK_TASK_H_

#include <cstdint>

#include "plan/plan_data.h"

namespace maskwise::detail {

// Lane i of a task is row i % rows of head first_head + i / rows: where rows
// are few, the heads of a group are stacked to fill the vectors.
struct BlockTask {
  const RowBlock* block = nullptr;
  int64_t batch = 0;
  int64_t first_head = 0;
  int32_t heads = 1;  // rows * heads <= kBlockRows

  int32_t lanes() const { return block->rows * heads; }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_BLOCK_TASK_H_
