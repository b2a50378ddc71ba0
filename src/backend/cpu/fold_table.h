// Keys of one fold of a task as kernels read them: one entry a key, in
// ascending order, wherever in memory the key lies.
#ifndef MASKWISE_BACKEND_CPU_FOLD_TABLE_H_
#define MASKWISE_BACKEND_CPU_FOLD_TABLE_H_

#include <cstdint>

#include "backend/cpu/block_task.h"
#include "backend/cpu/merged_folds.h"
#include "backend/forward_problem.h"
#include "plan/plan_walk.h"

namespace maskwise::detail {

// Keys behind the last that a kernel may sum: tiles of keys are whole.
inline constexpr int32_t kKeyPadding = 16;

// Rows behind the last that a kernel may ask for before it reads them.
inline constexpr int32_t kKeysAhead = 128;

// What a table is filled from.
struct FoldSource {
  const ForwardProblem& problem;
  const PlanData& plan;
  const BlockTask& task;
};

// Arrays of capacity + kKeyPadding entries (k and v: + kKeysAhead) that the
// scratch owns.
struct FoldTable {
  int64_t capacity = 0;
  // Where the key's k and v begin; rows of f16 and bf16 as if they were f32.
  const float** k = nullptr;
  const float** v = nullptr;
  int32_t* key = nullptr;     // its index
  uint64_t* lanes = nullptr;  // the lanes that see it, as bits
  int32_t count = 0;
  int32_t full_count = 0;  // every lane sees the first of them, at least

  // Holds the first keys of the span, as many as fit and some lane sees;
  // returns the rest of the span.
  FoldSpan fill(const FoldSource& from, const FoldSpan& span);

  // Holds the next keys of a block whose folds overlap, for a task of one head
  // and all rows of the block; begins[i] are the lanes of which key i begins a
  // fold.
  void fill(const FoldSource& from, MergedFolds& folds, uint64_t* begins);

  // Whether every lane sees all keys of [first, first + n).
  bool is_full(int32_t first, int32_t n, uint64_t all_lanes) const;

 private:
  void append_keys(const FoldSource& from, const RunPart& part);
  void append_lanes(const FoldSource& from, const RunPart& part);
  void drop_unseen(int32_t first);
  void find_rows(const FoldSource& from);
  void find_each(const Input& input, const BlockTask& task, int64_t kv_head,
                 const float** rows) const;
  void find_stretches(const FoldSource& from, int64_t kv_head);
  int32_t following(int32_t i) const;
};

// The bits of all lanes of a task.
uint64_t all_lanes_of(const BlockTask& task);

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_FOLD_TABLE_H_
