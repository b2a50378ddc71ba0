// Holds a compiled plan against the mask that it came from, pair by pair.
#ifndef MASKWISE_TESTS_SUPPORT_MASK_PLAN_CHECK_H_
#define MASKWISE_TESTS_SUPPORT_MASK_PLAN_CHECK_H_

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/mask_plan.h"
#include "plan/plan_data.h"
#include "plan/plan_walk.h"

namespace maskwise::testing {

// The keys that (b, h, q) should see, ascending.
using RowOracle =
    std::function<std::vector<int64_t>(int64_t b, int64_t h, int64_t q)>;

// The folds of each row of a block, as a kernel meets them.
struct WalkedBlock {
  std::vector<std::vector<std::vector<int64_t>>> folds_of_row;
  std::set<int64_t> keys;  // of all rows
  std::string fault;       // the first thing that may not be
};

// Walks a block; folds in which a row sees nothing are none of the row's.
inline WalkedBlock walk_block(const detail::PlanData& plan,
                              const detail::RowBlock& block) {
  WalkedBlock walked;
  walked.folds_of_row.resize(static_cast<size_t>(block.rows));
  std::vector<std::vector<int64_t>> open;
  int64_t last_key = -1;
  const uint64_t rows_mask = ~uint64_t{0} >> (64 - block.rows);
  const auto begin = [&] {
    open.assign(static_cast<size_t>(block.rows), {});
    last_key = -1;
  };
  const auto part = [&](const detail::RunPart& run) {
    for (int32_t i = 0; i < run.count; ++i) {
      const int64_t key = detail::key_at(plan, run, i);
      const uint64_t rows = detail::rows_at(plan, run, i, block.rows);
      if (key <= last_key) walked.fault = "keys of a fold do not ascend";
      if (rows == 0) walked.fault = "a run holds a key that no row sees";
      if ((rows & ~rows_mask) != 0) walked.fault = "a bit beyond the rows";
      last_key = key;
      walked.keys.insert(key);
      for (uint64_t rest = rows & rows_mask; rest != 0; rest &= rest - 1) {
        open[static_cast<size_t>(std::countr_zero(rest))].push_back(key);
      }
    }
  };
  const auto end = [&] {
    for (size_t r = 0; r < open.size(); ++r) {
      if (!open[r].empty()) walked.folds_of_row[r].push_back(open[r]);
    }
  };
  detail::walk_folds(plan, block, [&](const detail::FoldSpan& fold) {
    begin();
    detail::walk_span(plan, fold, fold.keys, part);
    end();
  });
  return walked;
}

// Whether the folds are `keys` cut at every 1024th, and nothing else.
inline bool cut_by_ordinal(const std::vector<std::vector<int64_t>>& folds,
                           const std::vector<int64_t>& keys) {
  constexpr size_t kFold = 1024;
  if (folds.size() != (keys.size() + kFold - 1) / kFold) return false;
  for (size_t f = 0; f < folds.size(); ++f) {
    const auto first = keys.begin() + static_cast<int64_t>(f * kFold);
    const size_t count = std::min(kFold, keys.size() - f * kFold);
    if (!std::equal(folds[f].begin(), folds[f].end(), first,
                    first + static_cast<int64_t>(count))) {
      return false;
    }
  }
  return true;
}

// Counts of a slice that the statistics repeat.
struct SliceCounts {
  int64_t visible = 0;
  int64_t walked = 0;
  int64_t empty_rows = 0;
};

// What is wrong with the slice for (batch, head) = `use`; "" if nothing.
inline std::string check_slice(const MaskPlan& plan, const detail::Slice& slice,
                               int64_t use, const RowOracle& oracle,
                               SliceCounts& counts) {
  const AttentionShape& shape = plan.shape();
  int64_t q = 0;
  counts = {};
  for (int64_t b = 0; b < slice.block_count; ++b) {
    const detail::RowBlock& block =
        plan.data().blocks[static_cast<size_t>(slice.first_block + b)];
    if (block.q_begin != q || block.rows < 1 || block.rows > 64) {
      return fmt::format("a block of {} rows at row {}, expected row {}",
                         block.rows, block.q_begin, q);
    }
    const WalkedBlock walked = walk_block(plan.data(), block);
    if (!walked.fault.empty()) return walked.fault;
    int64_t visible = 0;
    for (const auto& folds : walked.folds_of_row) {
      const std::vector<int64_t> keys =
          oracle(use / shape.heads, use % shape.heads, q);
      if (!cut_by_ordinal(folds, keys)) {
        return fmt::format("row {} of slice {} walks other keys or folds", q,
                           use);
      }
      visible += static_cast<int64_t>(keys.size());
      counts.empty_rows += keys.empty() ? 1 : 0;
      ++q;
    }
    const auto key_count = static_cast<int64_t>(walked.keys.size());
    if (block.visible_pairs != visible || block.key_count != key_count) {
      return fmt::format("block at row {} has {} pairs and {} keys",
                         block.q_begin, visible, key_count);
    }
    counts.visible += visible;
    counts.walked += key_count * block.rows;
  }
  return q == shape.q_len ? "" : "rows are missing";
}

// No two runs hold equal bitmaps, or equal key lists, at different places.
inline std::string check_shared(const detail::PlanData& plan) {
  std::map<std::vector<uint64_t>, int64_t> bitmaps;
  std::map<std::vector<int32_t>, int64_t> lists;
  for (const detail::KeyRun& run : plan.runs) {
    if (run.bitmap != detail::kAbsent) {
      const int64_t words = run.bitmap_step == 0 ? 1 : run.count;
      const auto begin = plan.bitmaps.begin() + run.bitmap;
      const std::vector<uint64_t> content(begin, begin + words);
      if (bitmaps.emplace(content, run.bitmap).first->second != run.bitmap) {
        return "two equal bitmaps are stored";
      }
    }
    if (run.list != detail::kAbsent) {
      const auto begin = plan.key_lists.begin() + run.list;
      const std::vector<int32_t> content(begin, begin + run.count);
      if (lists.emplace(content, run.list).first->second != run.list) {
        return "two equal key lists are stored";
      }
    }
  }
  return "";
}

// The work of the slice's blocks as they are scheduled, or why they cannot be.
inline std::string check_slice_schedule(const detail::PlanData& plan,
                                        const detail::Slice& slice,
                                        int64_t& work) {
  std::set<int32_t> seen;
  int64_t last_work = INT64_MAX;
  for (int64_t i = 0; i < slice.block_count; ++i) {
    const int32_t at =
        plan.block_schedule[static_cast<size_t>(slice.first_block + i)];
    if (at < slice.first_block || at >= slice.first_block + slice.block_count) {
      return "a block is scheduled with another slice";
    }
    const detail::RowBlock& block = plan.blocks[static_cast<size_t>(at)];
    const int64_t block_work = block.key_count * block.rows;
    if (block_work > last_work) return "the blocks of a slice do not descend";
    last_work = block_work;
    work += block_work;
    if (!seen.insert(at).second) return "a block is scheduled twice";
  }
  return "";
}

inline std::string check_schedule(const detail::PlanData& plan) {
  if (plan.block_schedule.size() != plan.blocks.size() ||
      plan.slice_schedule.size() != plan.slices.size() ||
      plan.first_task.size() != plan.slices.size() + 1) {
    return "the schedule does not hold each block and slice once";
  }
  std::set<int32_t> seen;
  int64_t last_work = INT64_MAX;
  int64_t tasks = 0;
  for (size_t i = 0; i < plan.slices.size(); ++i) {
    const int32_t at = plan.slice_schedule[i];
    const detail::Slice& slice = plan.slices[static_cast<size_t>(at)];
    int64_t work = 0;
    std::string why = check_slice_schedule(plan, slice, work);
    if (!why.empty()) return why;
    if (work > last_work) return "the slices do not descend";
    last_work = work;
    if (!seen.insert(at).second) return "a slice is scheduled twice";
    if (plan.first_task[i] != tasks) return "tasks are miscounted";
    tasks += slice.block_count * slice.use_count;
  }
  return plan.first_task.back() == tasks ? "" : "tasks are miscounted";
}

inline std::string check_stats(const MaskPlan& plan,
                               const SliceCounts& totals) {
  const PlanStats& stats = plan.stats();
  const detail::PlanData& data = plan.data();
  int64_t full = 0;
  int64_t lists = 0;
  for (const detail::KeyRun& run : data.runs) {
    full += run.bitmap == detail::kAbsent ? 1 : 0;
    lists += run.list == detail::kAbsent ? 0 : 1;
  }
  const auto count = [](const auto& of) {
    return static_cast<int64_t>(of.size());
  };
  const bool counts = stats.visible_pairs == totals.visible &&
                      stats.walked_pairs == totals.walked &&
                      stats.rows_without_keys == totals.empty_rows;
  const bool stored = stats.full_runs == full && stats.key_lists == lists &&
                      stats.partial_runs == count(data.runs) - full &&
                      stats.slices == count(data.slices) &&
                      stats.row_blocks == count(data.blocks) &&
                      stats.folds == count(data.folds) &&
                      stats.bitmap_words == count(data.bitmaps);
  const int64_t least_bytes =
      8 * count(data.bitmaps) + 16 * count(data.runs) + 16 * count(data.blocks);
  if (!counts) {
    return fmt::format("counts are {} visible, {} walked, {} empty rows",
                       totals.visible, totals.walked, totals.empty_rows);
  }
  if (!stored) return "stored counts differ";
  return stats.plan_bytes < least_bytes ? "too few plan bytes" : "";
}

// What is wrong with the plan; "" if nothing.
inline std::string check_plan(const MaskPlan& plan, const RowOracle& oracle) {
  const detail::PlanData& data = plan.data();
  std::vector<int> uses(
      static_cast<size_t>(plan.shape().batch * plan.shape().heads));
  SliceCounts totals;
  for (const detail::Slice& slice : data.slices) {
    for (int64_t i = 0; i < slice.use_count; ++i) {
      const int32_t use =
          data.slice_uses[static_cast<size_t>(slice.first_use + i)];
      ++uses[static_cast<size_t>(use)];
      SliceCounts counts;
      const std::string fault = check_slice(plan, slice, use, oracle, counts);
      if (!fault.empty()) return fault;
      totals.visible += counts.visible;
      totals.walked += counts.walked;
      totals.empty_rows += counts.empty_rows;
    }
  }
  if (std::ranges::any_of(uses, [](int count) { return count != 1; })) {
    return "a (batch, head) has no slice, or two";
  }
  for (const std::string& fault :
       {check_shared(data), check_schedule(data), check_stats(plan, totals)}) {
    if (!fault.empty()) return fault;
  }
  return "";
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MASK_PLAN_CHECK_H_
