#include "backend/cpu/fold_table.h"

#include <algorithm>
#include <numeric>
#include <ranges>

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

// Keys of a page one after the other, from key `first` on.
struct PageKeys {
  int64_t first = 0;
  int32_t count = 0;
  int64_t panel_keys = 0;
  int64_t head_dim = 0;
  int64_t element_bytes = 0;
};

// rows[i] begins i * step bytes behind `first`. The offset is a sum, not a
// product, which compilers turn into vectors on every machine.
void set_rows(const float** rows, int32_t n, const char* first, int64_t step) {
  int64_t offset = 0;
  for (int32_t i = 0; i < n; ++i, offset += step) {
    rows[i] = reinterpret_cast<const float*>(first + offset);
  }
}

// Where they begin in the panels [head_dim][panel_keys] of the page.
void find_in_panels(const char* panels, const PageKeys& keys,
                    const float** rows) {
  const int64_t panel = keys.panel_keys * keys.head_dim * keys.element_bytes;
  int64_t lane = keys.first % keys.panel_keys;
  const char* at = panels + keys.first / keys.panel_keys * panel;
  for (int32_t i = 0; i < keys.count; at += panel, lane = 0) {
    const auto n = static_cast<int32_t>(
        std::min<int64_t>(keys.count - i, keys.panel_keys - lane));
    set_rows(rows + i, n, at + lane * keys.element_bytes, keys.element_bytes);
    i += n;
  }
}

// The keys of item `batch` that are there: a plan may know of later ones.
int64_t keys_of(const ForwardProblem& problem, int64_t batch) {
  return problem.paged.given() ? problem.paged.lengths[batch]
                               : problem.shape.kv_len;
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
  const ForwardProblem& problem = from.problem;
  const int64_t kv_head = problem.kv_head(from.task.first_head);
  if (problem.paged.given()) {
    find_paged(from, kv_head);
  } else {
    find_strided(problem.k, from.task, kv_head, k);
    find_strided(problem.v, from.task, kv_head, v);
  }
  std::fill_n(v + count, kKeysAhead, v[count - 1]);
  std::fill_n(k + count, kKeyPadding, k[count - 1]);
  std::copy_n(v, kKeysAhead - kKeyPadding, k + count + kKeyPadding);
}

void FoldTable::find_strided(const Input& input, const BlockTask& task,
                             int64_t kv_head, const float** rows) const {
  const auto* base =
      static_cast<const char*>(input.row(task.batch, kv_head, 0));
  const int64_t step = input.stride[2] * size_of(input.dtype);
  if (key[count - 1] - key[0] == count - 1) {
    set_rows(rows, count, base + key[0] * step, step);
    return;
  }
  for (int32_t i = 0; i < count; ++i) {
    rows[i] = reinterpret_cast<const float*>(base + key[i] * step);
  }
}

// Keys that follow each other in a page are found together: to divide for
// each would take as long as to read it.
void FoldTable::find_paged(const FoldSource& from, int64_t kv_head) {
  const PagedKv& paged = from.problem.paged;
  const int32_t* pages = paged.pages + from.task.batch * paged.pages_per_item;
  const int64_t bytes = size_of(paged.dtype);
  for (int32_t i = 0; i < count;) {
    const int64_t head =
        pages[key[i] / paged.page_keys] * from.problem.kv_heads + kv_head;
    const int64_t in_page = key[i] % paged.page_keys;
    const int32_t n = following(i, paged.page_keys - in_page);
    find_in_panels(
        static_cast<const char*>(paged.k) + head * paged.k_head_step * bytes,
        {in_page, n, paged.panel_keys, from.problem.head_dim, bytes}, k + i);
    const int64_t row = head * paged.v_head_step + in_page * paged.v_row_step;
    set_rows(v + i, n, static_cast<const char*>(paged.v) + row * bytes,
             paged.v_row_step * bytes);
    i += n;
  }
}

// How many keys from entry i on follow each other, of at most `most`. Keys
// ascend, so they do up to the first that is further than its entry.
int32_t FoldTable::following(int32_t i, int64_t most) const {
  const auto n = static_cast<int32_t>(std::min<int64_t>(most, count - i));
  if (key[i + n - 1] == key[i] + n - 1) return n;
  const int32_t shift = key[i] - i;
  const auto entries = std::views::iota(i, i + n);
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
