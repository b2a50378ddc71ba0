#include "backend/cpu/fold_table.h"

#include <algorithm>
#include <numeric>

namespace maskwise::detail {
namespace {

uint64_t lowest_bits(int32_t n) {
  return n == 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1;
}

// Multiplied by this, the bits of the rows are repeated for every head.
uint64_t repeat_of(const BlockTask& task) {
  uint64_t repeat = 0;
  for (int32_t head = 0; head < task.heads; ++head) {
    repeat |= uint64_t{1} << (head * task.block->rows);
  }
  return repeat;
}

}  // namespace

uint64_t all_lanes_of(const BlockTask& task) {
  return lowest_bits(task.lanes());
}

void FoldTable::append(const ForwardProblem& problem, const PlanData& plan,
                       const BlockTask& task, const RunPart& part) {
  const int64_t kv_head = problem.kv_head(task.first_head);
  const float* k_base = problem.k.at(task.batch, kv_head, 0);
  const float* v_base = problem.v.at(task.batch, kv_head, 0);
  const int64_t k_step = problem.k.stride[2];
  const int64_t v_step = problem.v.stride[2];
  if (part.run->list == kAbsent) {
    std::iota(key + count, key + count + part.count,
              static_cast<int32_t>(key_at(plan, part, 0)));
  } else {
    std::copy_n(plan.key_lists.data() + part.run->list + part.first, part.count,
                key + count);
  }
  for (int32_t i = count; i < count + part.count; ++i) {
    k[i] = k_base + key[i] * k_step;
    v[i] = v_base + key[i] * v_step;
  }
  append_lanes(plan, task, part);
  count += part.count;
}

void FoldTable::append_lanes(const PlanData& plan, const BlockTask& task,
                             const RunPart& part) {
  if (part.run->bitmap == kAbsent) {
    std::fill_n(lanes + count, part.count, all_lanes_of(task));
    return;
  }
  const uint64_t repeat = repeat_of(task);
  for (int32_t i = 0; i < part.count; ++i) {
    lanes[count + i] = rows_at(plan, part, i, task.block->rows) * repeat;
  }
}

FoldSpan FoldTable::fill(const ForwardProblem& problem, const PlanData& plan,
                         const BlockTask& task, const FoldSpan& span) {
  count = 0;
  const FoldSpan rest =
      walk_span(plan, span, std::min(span.keys, capacity),
                [&](const RunPart& part) { append(problem, plan, task, part); });
  // Tiles of keys are whole: behind the last they repeat it.
  std::fill_n(k + count, kKeyPadding, k[count - 1]);
  std::fill_n(v + count, kKeyPadding, v[count - 1]);
  return rest;
}

bool FoldTable::is_full(int32_t first, int32_t n, uint64_t all_lanes) const {
  uint64_t common = all_lanes;
  for (int32_t i = first; i < first + n; ++i) common &= lanes[i];
  return common == all_lanes;
}

}  // namespace maskwise::detail
