// The memory of one thread of a forward call.
#ifndef MASKWISE_BACKEND_CPU_SCRATCH_H_
#define MASKWISE_BACKEND_CPU_SCRATCH_H_

#include <algorithm>
#include <cstdint>

#include "backend/cpu/fold_table.h"
#include "backend/cpu/partial_fold.h"
#include "backend/forward_problem.h"
#include "base/aligned_buffer.h"

namespace maskwise::detail {

// Keys of one step of the score phase: 48 x 64 scores stay in L1 with the
// queries, and 48 is a whole number of tiles of 6 and of 8 keys.
inline constexpr int32_t kScoreChunk = 48;

// The same where lanes are few: vectors of keys that are summed side by side.
inline constexpr int32_t kFewLanesChunk = 128;

// Keys of one step of the value phase: weights (64 x 64) and values (64 x 64)
// take half of L1.
inline constexpr int32_t kValueChunk = 64;

// The same where lanes are few and rows of V are read as they lie: sums stay in
// registers over many.
inline constexpr int32_t kFewLanesValues = 512;

// Rows that are staged together.
inline constexpr int32_t kStagedRows = std::max(kScoreChunk, kValueChunk);

// Keys whose scores are kept from the maximum to the weights. Masks made of
// words have folds of little more than kFoldKeys; where a fold is larger than
// this (1 MiB of scores), its scores are computed twice.
inline constexpr int64_t kMostStripKeys = 4096;

// Rows are padded to whole vectors of the widest ISA.
inline constexpr int64_t kWidestVector = 16;

constexpr int64_t padded(int64_t n) {
  return (n + kWidestVector - 1) / kWidestVector * kWidestVector;
}

// Keys that lie side by side in a panel of a cache, where its pages are so
// large: two vectors are two chains, and no more than 8 lanes have registers
// for, so that a panel is read once.
inline constexpr int64_t kPanelKeys = 2 * kWidestVector;

// Hands out aligned pieces of a block of memory; without one, only counts.
class Carver {
 public:
  explicit Carver(void* memory) : memory_(static_cast<char*>(memory)) {}

  template <typename T>
  void take(T*& piece, int64_t count) {
    if (memory_ != nullptr) piece = reinterpret_cast<T*>(memory_ + used_);
    const int64_t bytes = count * static_cast<int64_t>(sizeof(T));
    used_ += (bytes + kAlignment - 1) / kAlignment * kAlignment;
  }

  int64_t used() const { return used_; }

 private:
  char* memory_;
  int64_t used_ = 0;
};

// Rows of K or V as dense f32, where they cannot be read as they lie.
struct StagedRows {
  float* data = nullptr;         // [kStagedRows][padded head size]
  const float** rows = nullptr;  // [kStagedRows + kKeysAhead]
};

// What scores are computed in. "lanes" is a row of kBlockRows.
struct ScoreScratch {
  float* queries = nullptr;  // [D][lanes], scaled; few lanes lie denser
  float* bias = nullptr;     // [kScoreChunk][lanes]
  float* slope = nullptr;    // [lanes], as is position
  float* position = nullptr;
  ProblemRow* rows = nullptr;  // what each lane is
  StagedRows staged;
  FoldTable table;

  void carve(const ForwardProblem& problem, const PlanData& plan,
             Carver& carver);
};

// The memory of a forward task.
struct ForwardScratch : ScoreScratch {
  float* strip = nullptr;     // [strip keys + kKeyPadding][lanes]
  float* fold_sum = nullptr;  // [kBlockRows][padded Dv]
  float* row_sum = nullptr;   // [kBlockRows][padded Dv]
  float* fold_m = nullptr;    // [lanes], as are the rest
  float* fold_l = nullptr;
  float* m = nullptr;
  float* l = nullptr;
  float* old_scale = nullptr;
  float* new_scale = nullptr;
  float** sums = nullptr;        // where the sums of each lane are
  int64_t* pair_rows = nullptr;  // where a lane stands in weights, scores

  // Rows of any type that are asked for before they are needed, [kBlockRows]:
  // those of o, and queries and keys of the task that probably comes next.
  float** output_rows = nullptr;
  const float** next_queries = nullptr;
  const float** next_keys = nullptr;
  const BlockTask* next = nullptr;

  ForwardScratch() = default;

  // Carves `memory`, which is aligned to kAlignment and has bytes_for() bytes.
  ForwardScratch(const ForwardProblem& problem, const PlanData& plan,
                 void* memory);

  // Sums the next fold there.
  void sum_into(const PartialFold& fold) {
    fold_m = fold.m;
    fold_l = fold.l;
    fold_sum = fold.sum;
  }

  static int64_t bytes_for(const ForwardProblem& problem, const PlanData& plan);
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_SCRATCH_H_
