// The unit of work of a product of matrices, and the memory it is done in.
#ifndef MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
#define MASKWISE_BACKEND_CPU_MATMUL_TASK_H_

#include <cstdint>

#include "backend/cpu/scratch.h"

namespace maskwise::detail {

// Rows of a task: a panel is packed for each, which costs a few per cent of 240
// rows; and a whole number of chunks.
inline constexpr int64_t kMatmulRows = 5 * kScoreChunk;

// Rows of b that are packed at a time: 64 KiB. Columns of a that lie a power of
// two apart push each other out of L2 when there are more.
inline constexpr int64_t kMatmulDepth = 256;

// A panel of kBlockRows columns of c from `column` on, of some of its rows.
struct MatmulTask {
  int64_t column = 0;
  int64_t row = 0;
  int64_t rows = 0;
};

// Arrays carved out of one block of memory.
struct MatmulScratch {
  float* panel = nullptr;        // [kMatmulDepth][kBlockRows]
  float* strip = nullptr;        // [kMatmulRows + kKeyPadding][kBlockRows]
  const float** rows = nullptr;  // [kScoreChunk + kKeysAhead]
  float* columns = nullptr;      // [kMatmulDepth][kScoreChunk]

  explicit MatmulScratch(void* memory) {
    Carver carver(memory);
    carve(carver);
  }

  static int64_t bytes() {
    Carver carver(nullptr);
    MatmulScratch(nullptr).carve(carver);
    return carver.used();
  }

 private:
  void carve(Carver& carver) {
    carver.take(panel, kMatmulDepth * kBlockRows);
    carver.take(strip, (kMatmulRows + kKeyPadding) * kBlockRows);
    carver.take(rows, kScoreChunk + kKeysAhead);
    carver.take(columns, kMatmulDepth * kScoreChunk);
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
