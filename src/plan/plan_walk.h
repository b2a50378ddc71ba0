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

// The entries of one fold of a block: `keys` of them, from entry `first` of run
// `run` on.
struct FoldSpan {
  int64_t run = 0;
  int32_t first = 0;
  int64_t keys = 0;
};

// Calls visit(RunPart) for the stretches of the first `keys` entries of the
// span, in ascending key order; returns the rest of it.
template <typename Visit>
FoldSpan walk_span(const PlanData& plan, FoldSpan span, int64_t keys,
                   Visit visit) {
  span.keys -= keys;
  while (keys > 0) {
    const KeyRun& run = plan.runs[static_cast<size_t>(span.run)];
    const auto count =
        static_cast<int32_t>(std::min<int64_t>(run.count - span.first, keys));
    visit(RunPart{&run, span.first, count});
    keys -= count;
    span.first += count;
    if (span.first == run.count) {
      ++span.run;
      span.first = 0;
    }
  }
  return span;
}

// Calls visit(FoldSpan) for each fold of the block in ascending order.
template <typename Visit>
void walk_folds(const PlanData& plan, const RowBlock& block, Visit visit) {
  for (int32_t f = 0; f < block.fold_count; ++f) {
    const Fold& fold = plan.folds[static_cast<size_t>(block.first_fold + f)];
    FoldSpan span = {fold.first_run, 0, 0};
    for (int32_t r = 0; r < fold.run_count; ++r) {
      span.keys += plan.runs[static_cast<size_t>(fold.first_run + r)].count;
    }
    if (block.cut == FoldCut::listed) {
      visit(span);
      continue;
    }
    while (span.keys > 0) {
      FoldSpan part = span;
      part.keys = std::min(span.keys, kFoldKeys);
      visit(part);
      span = walk_span(plan, span, part.keys, [](const RunPart&) {});
    }
  }
}

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_PLAN_WALK_H_
