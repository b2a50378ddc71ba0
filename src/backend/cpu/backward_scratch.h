// The memory of one thread of a backward call.
#ifndef MASKWISE_BACKEND_CPU_BACKWARD_SCRATCH_H_
#define MASKWISE_BACKEND_CPU_BACKWARD_SCRATCH_H_

#include <cstdint>

#include "backend/backward_problem.h"
#include "backend/cpu/merged_folds.h"
#include "backend/cpu/scratch.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Rows of sums behind the last that tiles ask for.
inline constexpr int64_t kSumsAhead = 8;

// A row of sums for each key.
struct KeySums {
  float* data = nullptr;
  int64_t row = 0;  // from one key to the next

  float* at(int64_t key) const { return data + key * row; }
};

// Whether a head's chains can be kept in rows of the gradient: they are whole
// vectors, and belong to no other head.
bool holds_chains(const Output& gradient, int64_t dim,
                  const ForwardProblem& forward);

// Arrays carved out of one block of memory. "lanes" is a row of kBlockRows.
struct BackwardScratch : ScoreScratch {
  // Of the keys of a chunk, [kScoreChunk + kKeyPadding][lanes]: scores, then
  // weights; their gradients; and, under a softcap, its slopes.
  float* scores = nullptr;
  float* d_scores = nullptr;
  float* cap_slopes = nullptr;
  uint64_t* present = nullptr;  // [kScoreChunk]: lanes whose pair adds

  uint64_t* begins = nullptr;     // [table's keys]: lanes that begin a fold
  FoldCursor* cursors = nullptr;  // [folds of a block]

  float* d_outputs = nullptr;  // [Dv][lanes]
  StagedRows q_rows;           // [lane][padded D]
  StagedRows do_rows;          // [lane][padded Dv]
  StagedRows values;           // of a chunk, where V is no f32
  float* m = nullptr;          // [lanes], as are r and shift
  float* r = nullptr;          // 1 / l
  float* shift = nullptr;      // delta - d_lse

  float* dq = nullptr;       // [kBlockRows][padded D]
  float* dq_fold = nullptr;  // [kBlockRows][padded D]
  float** sums = nullptr;    // rows that a tile adds to

  // Chains of a head, for every key: there, or in the gradients themselves.
  KeySums dk;
  KeySums dv;
  // Of a bias that is one number for a head: gradients of a block's pairs.
  float* d_bias = nullptr;  // [keys of a block][lanes]

  BackwardScratch() = default;

  // Carves `memory`, which is aligned to kAlignment and has bytes_for() bytes.
  BackwardScratch(const BackwardProblem& problem, const PlanData& plan,
                  void* memory);

  static int64_t bytes_for(const BackwardProblem& problem,
                           const PlanData& plan);

 private:
  void carve_all(const BackwardProblem& problem, const PlanData& plan,
                 Carver& carver);
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_BACKWARD_SCRATCH_H_
