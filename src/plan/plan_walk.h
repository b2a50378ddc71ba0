// Walks the keys of a row block fold by fold, as kernels do.
#ifndef MASKWISE_PLAN_PLAN_WALK_H_
#define MASKWISE_PLAN_PLAN_WALK_H_

#include <algorithm>
#include <cstdint>

#include "plan/plan_data.h"

namespace maskwise::detail {

// A stretch of consecutive entries of one run that lies in one fold.
struct RunPart {
  const KeyRun* run = nullptr;
  int32_t first = 0;
  int32_t count = 0;
};

// The key of entry i of the part's run.
inline int64_t key_at(const PlanData& plan, const RunPart& part, int32_t i) {
  const KeyRun& run = *part.run;
  const int32_t entry = part.first + i;
  if (run.list == kAbsent) return int64_t{run.begin} + entry;
  return plan.key_lists[static_cast<size_t>(run.list + entry)];
}

// The rows of the block that see entry i, as bits.
inline uint64_t rows_at(const PlanData& plan, const RunPart& part, int32_t i,
                        int32_t rows) {
  const KeyRun& run = *part.run;
  if (run.bitmap == kAbsent) {
    return rows == kBlockRows ? ~uint64_t{0} : (uint64_t{1} << rows) - 1;
  }
  const int64_t entry = int64_t{part.first} + i;
  return plan
      .bitmaps[static_cast<size_t>(run.bitmap + entry * run.bitmap_step)];
}

// Calls fold_begin(), then part(RunPart) for each stretch of the fold in
// ascending key order, then fold_end(), for each fold in ascending order.
template <typename Begin, typename Part, typename End>
void walk_folds(const PlanData& plan, const RowBlock& block, Begin fold_begin,
                Part part, End fold_end) {
  for (int32_t f = 0; f < block.fold_count; ++f) {
    const Fold& fold = plan.folds[static_cast<size_t>(block.first_fold + f)];
    const int64_t limit = block.cut == FoldCut::while_walking
                              ? kFoldKeys
                              : std::max<int64_t>(block.key_count, 1);
    int64_t walked = 0;  // keys of the fold that is open
    fold_begin();
    for (int32_t r = 0; r < fold.run_count; ++r) {
      const KeyRun& run = plan.runs[static_cast<size_t>(fold.first_run + r)];
      int32_t first = 0;
      while (first < run.count) {
        if (walked == limit) {
          fold_end();
          fold_begin();
          walked = 0;
        }
        const auto count = static_cast<int32_t>(
            std::min<int64_t>(run.count - first, limit - walked));
        part(RunPart{&run, first, count});
        first += count;
        walked += count;
      }
    }
    fold_end();
  }
}

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_PLAN_WALK_H_
