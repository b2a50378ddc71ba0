#include "backend/cpu/merged_folds.h"

#include <limits>

#include "plan/plan_walk.h"

namespace maskwise::detail {
namespace {

RunPart entry_of(const PlanData& plan, const FoldCursor& cursor) {
  return {&plan.runs[static_cast<size_t>(cursor.run)], cursor.entry, 1};
}

}  // namespace

MergedFolds::MergedFolds(const PlanData& plan, const RowBlock& block,
                         FoldCursor* cursors)
    : plan_(plan), block_(block), cursors_(cursors) {
  for (int32_t f = 0; f < block.fold_count; ++f) {
    const Fold& fold = plan.folds[static_cast<size_t>(block.first_fold + f)];
    cursors[f] = {.run = fold.first_run,
                  .end_run = fold.first_run + fold.run_count};
    if (!cursors[f].at_end()) load_key(cursors[f]);
  }
  while (!at_end() && cursors_[first_].at_end()) ++first_;
}

void MergedFolds::load_key(FoldCursor& cursor) const {
  cursor.key = static_cast<int32_t>(key_at(plan_, entry_of(plan_, cursor), 0));
}

void MergedFolds::advance(FoldCursor& cursor) const {
  if (++cursor.entry == plan_.runs[static_cast<size_t>(cursor.run)].count) {
    ++cursor.run;
    cursor.entry = 0;
  }
  if (!cursor.at_end()) load_key(cursor);
}

// Folds begin in ascending order of their first keys: behind one whose first
// key is not reached there is none that has begun.
MergedKey MergedFolds::next() {
  MergedKey least = {.key = std::numeric_limits<int32_t>::max()};
  int32_t end = first_;
  for (; end < block_.fold_count; ++end) {
    const FoldCursor& cursor = cursors_[end];
    if (cursor.at_end()) continue;
    if (cursor.key < least.key) least.key = cursor.key;
    if (cursor.started == 0 && cursor.key > least.key) break;
  }
  for (int32_t f = first_; f < end; ++f) {
    FoldCursor& cursor = cursors_[f];
    if (cursor.at_end() || cursor.key != least.key) continue;
    const uint64_t rows =
        rows_at(plan_, entry_of(plan_, cursor), 0, block_.rows);
    least.rows |= rows;
    least.begins |= rows & ~cursor.started;
    cursor.started |= rows;
    advance(cursor);
  }
  while (!at_end() && cursors_[first_].at_end()) ++first_;
  return least;
}

}  // namespace maskwise::detail
