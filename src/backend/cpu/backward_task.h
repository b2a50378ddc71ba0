// The unit of parallel work of a backward call.
#ifndef MASKWISE_BACKEND_CPU_BACKWARD_TASK_H_
#define MASKWISE_BACKEND_CPU_BACKWARD_TASK_H_

#include <cstdint>

namespace maskwise::detail {

// All rows of all query heads of one kv head of one batch item.
struct BackwardTask {
  int64_t batch = 0;
  int64_t kv_head = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_BACKWARD_TASK_H_
