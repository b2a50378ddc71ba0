// The unit of work of a product of matrices, and the memory it is done in.
#ifndef MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
#define MASKWISE_BACKEND_CPU_MATMUL_TASK_H_

#include <cstdint>

#include "backend/cpu/scratch.h"
#include "backend/matmul_problem.h"

namespace maskwise::detail {

// Rows of a task: a panel of b is packed for each, which costs a few per cent
// of 240 rows; and a whole number of chunks.
inline constexpr int64_t kMatmulRows = 5 * kScoreChunk;

// Whether elements of a row of a lie so far apart, which is often a power of
// two, that they would push each other out of the caches: they are copied.
inline bool has_far_columns(const Matrix& a) {
  constexpr int64_t kFar = 512;
  return a.row == 1 && a.column >= kFar;
}

// Panels of a task whose rows of a are copied, once for all of them: 4 strips
// beside the rows are half of an L2 of 1 MiB. Others have one.
inline constexpr int64_t kMatmulPanels = 4;

// Rows of b that are packed at a time: 64 KiB. Columns of a that lie a power of
// two apart push each other out of L2 when there are more.
inline constexpr int64_t kMatmulDepth = 256;

// A part of c: `panels` panels of kBlockRows columns from `column` on, of some
// of its rows.
struct MatmulTask {
  int64_t column = 0;
  int64_t panels = 0;
  int64_t row = 0;
  int64_t rows = 0;
};

// Arrays carved out of one block of memory.
struct MatmulScratch {
  float* panel = nullptr;        // [kMatmulDepth][kBlockRows]
  float* strips = nullptr;       // [kMatmulPanels][kStripRows][kBlockRows]
  const float** rows = nullptr;  // [kScoreChunk + kKeysAhead]
  float* columns = nullptr;      // [kMatmulRows][kMatmulDepth], by chunks

  static constexpr int64_t kStripRows = kMatmulRows + kKeyPadding;

  explicit MatmulScratch(void* memory) {
    Carver carver(memory);
    carve(carver);
  }

  static int64_t bytes() {
    Carver carver(nullptr);
    MatmulScratch(nullptr).carve(carver);
    return carver.used();
  }

  // The sums of a panel of the task.
  float* strip(int64_t i) const { return strips + i * kStripRows * kBlockRows; }

 private:
  void carve(Carver& carver) {
    carver.take(panel, kMatmulDepth * kBlockRows);
    carver.take(strips, kMatmulPanels * kStripRows * kBlockRows);
    carver.take(rows, kScoreChunk + kKeysAhead);
    carver.take(columns, kMatmulRows * kMatmulDepth);
  }
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_MATMUL_TASK_H_
