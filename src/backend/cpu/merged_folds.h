// The keys of a row block once each, in ascending order, where its folds
// overlap: rows that stand at different ordinals have a key in different folds.
#ifndef MASKWISE_BACKEND_CPU_MERGED_FOLDS_H_
#define MASKWISE_BACKEND_CPU_MERGED_FOLDS_H_

#include <cstdint>

#include "plan/plan_data.h"

namespace maskwise::detail {

// One key, the rows that see it, and those of which it begins a fold.
struct MergedKey {
  int32_t key = 0;
  uint64_t rows = 0;
  uint64_t begins = 0;
};

// Where a fold has been read to.
struct FoldCursor {
  int64_t run = 0;
  int64_t end_run = 0;
  int32_t entry = 0;
  int32_t key = 0;       // the next, while run < end_run
  uint64_t started = 0;  // rows that have had a key of the fold

  bool at_end() const { return run == end_run; }
};

class MergedFolds {
 public:
  // `cursors` has room for the block's folds.
  MergedFolds(const PlanData& plan, const RowBlock& block, FoldCursor* cursors);

  bool at_end() const { return first_ == block_.fold_count; }

  // Only while not at_end().
  MergedKey next();

 private:
  void load_key(FoldCursor& cursor) const;
  void advance(FoldCursor& cursor) const;

  const PlanData& plan_;
  const RowBlock& block_;
  FoldCursor* cursors_;
  int32_t first_ = 0;  // of the folds that are not at their end
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_CPU_MERGED_FOLDS_H_
