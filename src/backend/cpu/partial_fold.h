// What folds sum to, until their turn to be merged comes.
#ifndef MASKWISE_BACKEND_CPU_PARTIAL_FOLD_H_
#define MASKWISE_BACKEND_CPU_PARTIAL_FOLD_H_

#include <cstdint>

#include "backend/forward_problem.h"

namespace maskwise::detail {

struct PartialFold {
  float* m = nullptr;    // [kBlockRows]
  float* l = nullptr;    // [kBlockRows]
  float* sum = nullptr;  // [lanes][padded Dv]
};

// Hands out memory that others own.
class PartialFoldPool {
 public:
  // `memory` is aligned to kAlignment and has bytes_for() bytes.
  PartialFoldPool(const ForwardProblem& problem, void* memory, int64_t threads);

  static int64_t bytes_for(const ForwardProblem& problem, int64_t threads);

  bool has_room(int64_t lanes) const;
  PartialFold take(int64_t lanes);
  void clear() { used_ = 0; }

 private:
  int64_t value_row_;
  float* memory_;
  int64_t capacity_;  // floats
  int64_t used_ = 0;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_PARTIAL_FOLD_H_
