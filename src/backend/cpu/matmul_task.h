// The unit of work of a product of matrices, and the memory it is done in.
#ifndef MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
#define MASKWISE_BACKEND_CPU_MATMUL_TASK_H_

#include <cstdint>

#include "backend/cpu/scratch.h"
#include "backend/matmul_problem.h"

namespace maskwise::detail {

// A panel of kBlockRows columns of c from `column` on, of some of its rows.
struct MatmulTask {
  int64_t column = 0;
  int64_t row = 0;
  int64_t rows = 0;
};

// Arrays carved out of one block of memory.
struct MatmulScratch {
  float* panel = nullptr;        // [depth][kBlockRows]
  float* strip = nullptr;        // [kScoreChunk + kKeyPadding][kBlockRows]
  const float** rows = nullptr;  // [kScoreChunk + kKeysAhead]

  MatmulScratch(const MatmulProblem& problem, void* memory) {
    Carver carver(memory);
    carve(problem, carver);
  }

  static int64_t bytes_for(const MatmulProblem& problem) {
    Carver carver(nullptr);
    MatmulScratch(problem, nullptr).carve(problem, carver);
    return carver.used();
  }

 private:
  void carve(const MatmulProblem& problem, Carver& carver) {
    carver.take(panel, problem.depth * kBlockRows);
    carver.take(strip, (kScoreChunk + kKeyPadding) * kBlockRows);
    carver.take(rows, kScoreChunk + kKeysAhead);
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
