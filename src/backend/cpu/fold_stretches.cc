#include "backend/cpu/fold_stretches.h"

#include <algorithm>
#include <numeric>

namespace maskwise::detail {

bool FoldStretches::find(const FoldSource& from, const FoldSpan& span) {
  count_ = 0;
  keys_ = 0;
  const PagedKv& paged = from.problem.paged;
  if (paged.given() && span.keys > kMost * paged.page_keys) return false;
  bool found = true;
  walk_span(from.plan, span, span.keys,
            [&](const RunPart& part) { found = found && add_run(from, part); });
  return found;
}

void FoldStretches::list_keys(int32_t* key) const {
  for (int32_t i = 0; i < count_; ++i) {
    const int32_t count = stretches_[i].count;
    std::iota(key, key + count, first_[i]);
    key += count;
  }
}

bool FoldStretches::add_run(const FoldSource& from, const RunPart& part) {
  if (part.run->bitmap != kAbsent || part.run->list != kAbsent) {
    return add_each(from, part);
  }
  return add_keys(from, key_at(from.plan, part, 0), part.count);
}

// Keys of a list, or of which bits tell who sees them.
bool FoldStretches::add_each(const FoldSource& from, const RunPart& part) {
  const uint64_t rows = (~uint64_t{0} >> (kBlockRows - from.task.rows))
                        << from.task.row_begin;
  const auto rows_of = [&](int32_t i) {
    return rows_at(from.plan, part, i, from.task.block->rows) & rows;
  };
  int64_t first = 0;
  int64_t count = 0;  // of keys that follow each other
  for (int32_t i = 0; i < part.count; ++i) {
    const uint64_t seen = rows_of(i);
    if (seen == 0) continue;
    if (seen != rows) return false;
    const int64_t key = key_at(from.plan, part, i);
    if (key != first + count) {
      if (!add_keys(from, first, count)) return false;
      first = key;
      count = 0;
    }
    ++count;
  }
  return add_keys(from, first, count);
}

bool FoldStretches::add_keys(const FoldSource& from, int64_t first,
                             int64_t count) {
  const ForwardProblem& problem = from.problem;
  const int64_t batch = from.task.batch;
  const KeyRange range = {
      .batch = batch,
      .kv_head = problem.kv_head(from.task.first_head),
      .first = first,
      .count = std::min(count, keys_of(problem, batch) - first)};
  if (range.count <= 0) return true;
  bool fits = true;
  for_stretches(problem, range, [&](const KeyStretch& stretch) {
    fits = fits && add(stretch, first);
    first += stretch.count;
  });
  return fits;
}

bool FoldStretches::add(const KeyStretch& stretch, int64_t first) {
  if (count_ == kMost) return false;
  stretches_[count_] = stretch;
  first_[count_] = static_cast<int32_t>(first);
  ++count_;
  keys_ += stretch.count;
  return true;
}

}  // namespace maskwise::detail
