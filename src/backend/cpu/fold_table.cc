#include "backend/cpu/fold_table.h"

#include <algorithm>
#include <numeric>
#include <ranges>

#include "backend/cpu/key_stretch.h"

namespace maskwise::detail {
namespace {

uint64_t lowest_bits(int32_t n) {
  return n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
}

// Multiplied by this, the bits of the rows are repeated for every head.
uint64_t repeat_of(const BlockTask& task) {
  uint64_t repeat = 0;
  for (int32_t head = 0; head < task.heads; ++head) {
    repeat |= uint64_t{1} << (head * task.rows);
  }
  return repeat;
}

// rows[i] begins i * step bytes behind `first`. The offset is a sum, not a
// product, which compilers turn into vectors on every machine.
void set_rows(const float** rows, int32_t n, const float* first, int64_t step) {
  const auto* begin = reinterpret_cast<const char*>(first);
  int64_t offset = 0;
  for (int32_t i = 0; i < n; ++i, offset += step) {
    rows[i] = reinterpret_cast<const float*>(begin + offset);
  }
}

// Where the keys of a stretch begin: rows, or elements of panels.
void find_keys(const ForwardProblem& problem, KeyStretch stretch,
               const StretchSteps& steps, const float** rows) {
  if (!problem.paged.given()) {
    set_rows(rows, stretch.count, stretch.k, steps.k);
    return;
  }
  const int64_t bytes = size_of(problem.paged.dtype);
  while (stretch.count > 0) {
    const auto n = static_cast<int32_t>(
        std::min<int64_t>(stretch.count, steps.panel_keys - stretch.lane));
    set_rows(rows, n, bytes_behind(stretch.k, stretch.lane * bytes), bytes);
    rows += n;
    stretch.count -= n;
    stretch.lane = 0;
    stretch.k = bytes_behind(stretch.k, steps.k);
  }
}

}  // namespace

uint64_t all_lanes_of(const BlockTask& task) {
  return lowest_bits(task.lanes());
}

FoldSpan FoldTable::fill(const FoldSource& from, const FoldSpan& span) {
  count = 0;
  full_count = 0;
  const FoldSpan rest = walk_span(
      from.plan, span, std::min(span.keys, capacity), [&](const RunPart& part) {
        const int32_t first = count;
        append_keys(from, part);
        append_lanes(from, part);
        count += part.count;
        if (!from.task.has_all_rows() && part.run->bitmap != kAbsent) {
          drop_unseen(first);
        }
      });
  const int64_t keys = keys_of(from.problem, from.task.batch);
  while (count > 0 && key[count - 1] >= keys) --count;
  find_rows(from);
  return rest;
}

void FoldTable::fill(const FoldSource& from, MergedFolds& folds,
                     uint64_t* begins) {
  count = 0;
  full_count = 0;
  for (; count < capacity && !folds.at_end(); ++count) {
    const MergedKey next = folds.next();
    key[count] = next.key;
    lanes[count] = next.rows;
    begins[count] = next.begins;
  }
  find_rows(from);
}

void FoldTable::append_keys(const FoldSource& from, const RunPart& part) {
  if (part.run->list == kAbsent) {
    std::iota(key + count, key + count + part.count,
              static_cast<int32_t>(key_at(from.plan, part, 0)));
  } else {
    std::copy_n(from.plan.key_lists.data() + part.run->list + part.first,
                part.count, key + count);
  }
}

void FoldTable::append_lanes(const FoldSource& from, const RunPart& part) {
  const BlockTask& task = from.task;
  if (part.run->bitmap == kAbsent) {
    std::fill_n(lanes + count, part.count, all_lanes_of(task));
    if (full_count == count) full_count += part.count;
    return;
  }
  const uint64_t repeat = repeat_of(task);
  const uint64_t rows = lowest_bits(task.rows);
  for (int32_t i = 0; i < part.count; ++i) {
    const uint64_t word = rows_at(from.plan, part, i, task.block->rows);
    lanes[count + i] = (word >> task.row_begin & rows) * repeat;
  }
}

void FoldTable::drop_unseen(int32_t first) {
  int32_t kept = first;
  for (int32_t i = first; i < count; ++i) {
    key[kept] = key[i];
    lanes[kept] = lanes[i];
    kept += lanes[i] != 0 ? 1 : 0;
  }
  count = kept;
}

// Where the keys lie. Behind the last they repeat it, and after what tiles may
// read of K follow the rows of V, which are read next.
void FoldTable::find_rows(const FoldSource& from) {
  if (count == 0) return;
  const int64_t kv_head = from.problem.kv_head(from.task.first_head);
  if (from.problem.paged.given() || key[count - 1] - key[0] == count - 1) {
    find_stretches(from, kv_head);
  } else {
    find_each(from.problem.k, from.task, kv_head, k);
    find_each(from.problem.v, from.task, kv_head, v);
  }
  std::fill_n(v + count, kKeysAhead, v[count - 1]);
  std::fill_n(k + count, kKeyPadding, k[count - 1]);
  std::copy_n(v, kKeysAhead - kKeyPadding, k + count + kKeyPadding);
}

void FoldTable::find_each(const Input& input, const BlockTask& task,
                          int64_t kv_head, const float** rows) const {
  const auto* base =
      static_cast<const char*>(input.row(task.batch, kv_head, 0));
  const int64_t step = input.stride[2] * size_of(input.dtype);
  for (int32_t i = 0; i < count; ++i) {
    rows[i] = reinterpret_cast<const float*>(base + key[i] * step);
  }
}

// Keys that follow each other are found together: to look for the page of each
// would take as long as to read it.
void FoldTable::find_stretches(const FoldSource& from, int64_t kv_head) {
  const StretchSteps steps(from.problem);
  for (int32_t i = 0; i < count;) {
    const KeyRange range = {.batch = from.task.batch,
                            .kv_head = kv_head,
                            .first = key[i],
                            .count = following(i)};
    for_stretches(from.problem, range, [&](const KeyStretch& stretch) {
      find_keys(from.problem, stretch, steps, k + i);
      set_rows(v + i, stretch.count, stretch.v, steps.v);
      i += stretch.count;
    });
  }
}

// How many keys from entry i on follow each other. Keys ascend, so they do up
// to the first that is further than its entry.
int32_t FoldTable::following(int32_t i) const {
  if (key[count - 1] - key[i] == count - 1 - i) return count - i;
  const int32_t shift = key[i] - i;
  const auto entries = std::views::iota(i, count);
  return *std::ranges::partition_point(entries, [&](int32_t j) {
    return key[j] - j == shift;
  }) - i;
}

bool FoldTable::is_full(int32_t first, int32_t n, uint64_t all_lanes) const {
  if (first + n <= full_count) return true;
  uint64_t common = all_lanes;
  for (int32_t i = first; i < first + n; ++i) common &= lanes[i];
  return common == all_lanes;
}

}  // namespace maskwise::detail
