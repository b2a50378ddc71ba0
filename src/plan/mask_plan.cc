#include "maskwise/mask_plan.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "plan/block_draft.h"
#include "plan/plan_builder.h"
#include "plan/plan_estimate.h"
#include "plan/plan_walk.h"
#include "plan/stored_plan.h"

namespace maskwise {
namespace detail {
namespace {

SliceUses find_slices(const BoundMask& mask) {
  SliceUses uses;
  const std::vector<int32_t> ids = mask.slice_ids();
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = static_cast<size_t>(ids[i]);
    if (id == uses.size()) uses.emplace_back();
    uses[id].push_back(static_cast<int32_t>(i));
  }
  return uses;
}

template <typename... Vectors>
int64_t bytes_of(const Vectors&... vectors) {
  return static_cast<int64_t>(
      ((vectors.size() * sizeof(typename Vectors::value_type)) + ...));
}

// Everything that a plan stores.
int64_t stored_bytes(const PlanData& plan) {
  return static_cast<int64_t>(sizeof(StoredPlan)) +
         bytes_of(plan.slices, plan.slice_uses, plan.slice_of_use, plan.blocks,
                  plan.folds, plan.runs, plan.bitmaps, plan.key_lists,
                  plan.slice_schedule, plan.block_schedule, plan.first_task);
}

// Adds slice `index` of all that `uses` tells of, as long as the plan stays
// within the cap.
void build_slice(const BoundMask& mask, const SliceUses& uses, size_t index,
                 int64_t cap, PlanData& plan, PlanBuilder& builder) {
  const AttentionShape& shape = mask.shape();
  Slice slice;
  slice.first_block = static_cast<int64_t>(plan.blocks.size());
  slice.first_use = static_cast<int64_t>(plan.slice_uses.size());
  slice.use_count = static_cast<int64_t>(uses[index].size());
  plan.slice_uses.insert(plan.slice_uses.end(), uses[index].begin(),
                         uses[index].end());

  for (const int32_t use : uses[index]) {
    plan.slice_of_use[static_cast<size_t>(use)] = static_cast<int32_t>(index);
  }

  const int32_t use = uses[index][0];
  BlockDrafter drafter(mask, use / shape.heads, use % shape.heads);
  int64_t q = 0;
  while (q < shape.q_len) {
    for (BlockDraft& draft :
         drafter.draft(q, std::min(kBlockRows, shape.q_len - q))) {
      q += draft.rows;
      builder.add_block(std::move(draft));
    }
    const double slices_done =
        static_cast<double>(index) +
        static_cast<double>(q) / static_cast<double>(shape.q_len);
    check_stored(mask, stored_bytes(plan),
                 slices_done / static_cast<double>(uses.size()), cap);
  }
  slice.block_count =
      static_cast<int64_t>(plan.blocks.size()) - slice.first_block;
  plan.slices.push_back(slice);
}

// 0, 1, ..., count - 1.
std::vector<int32_t> numbers_below(size_t count) {
  std::vector<int32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

// Most work first, so that no thread is left with a long block at the end.
void build_schedule(PlanData& plan) {
  const auto block_work = [&](int32_t i) {
    return plan.blocks[static_cast<size_t>(i)].walked_pairs();
  };
  plan.block_schedule = numbers_below(plan.blocks.size());
  std::vector<int64_t> slice_work;
  for (const Slice& slice : plan.slices) {
    const std::span<int32_t> blocks =
        std::span(plan.block_schedule)
            .subspan(static_cast<size_t>(slice.first_block),
                     static_cast<size_t>(slice.block_count));
    std::ranges::stable_sort(blocks, std::greater(), block_work);
    int64_t work = 0;
    for (const int32_t block : blocks) work += block_work(block);
    slice_work.push_back(work);
  }
  plan.slice_schedule = numbers_below(plan.slices.size());
  std::ranges::stable_sort(plan.slice_schedule, std::greater(), [&](int32_t i) {
    return slice_work[static_cast<size_t>(i)];
  });
  plan.first_task.reserve(plan.slices.size() + 1);
  plan.first_task.push_back(0);
  for (const int32_t i : plan.slice_schedule) {
    const Slice& slice = plan.slices[static_cast<size_t>(i)];
    plan.first_task.push_back(plan.first_task.back() +
                              slice.block_count * slice.use_count);
  }
}

// The most folds of a block, and the keys of the largest: where rows stand at
// different ordinals, those can be much more than a row has.
void measure_folds(PlanData& plan) {
  for (const RowBlock& block : plan.blocks) {
    int64_t folds = 0;
    walk_folds(plan, block, [&](const FoldSpan& fold) {
      plan.largest_fold = std::max(plan.largest_fold, fold.keys);
      ++folds;
    });
    plan.most_folds = std::max(plan.most_folds, folds);
  }
}

// The rows of the smallest block that another of its slice follows.
int64_t fewest_rows(const PlanData& plan) {
  int64_t fewest = kBlockRows;
  for (const Slice& slice : plan.slices) {
    for (int64_t b = 0; b + 1 < slice.block_count; ++b) {
      const auto block = static_cast<size_t>(slice.first_block + b);
      fewest = std::min<int64_t>(fewest, plan.blocks[block].rows);
    }
  }
  return fewest;
}

// Rows of the block that no run names.
int64_t rows_without_keys(const PlanData& plan, const RowBlock& block) {
  uint64_t seen = 0;
  for (int64_t f = 0; f < block.fold_count; ++f) {
    const Fold& fold = plan.folds[static_cast<size_t>(block.first_fold + f)];
    for (int64_t r = 0; r < fold.run_count; ++r) {
      const KeyRun& run = plan.runs[static_cast<size_t>(fold.first_run + r)];
      if (run.bitmap == kAbsent) return 0;
      const int64_t words = run.bitmap_step == 0 ? 1 : run.count;
      for (int64_t i = 0; i < words; ++i) {
        seen |= plan.bitmaps[static_cast<size_t>(run.bitmap + i)];
      }
    }
  }
  return block.rows - std::popcount(seen);
}

PlanStats count_stats(const PlanData& plan) {
  PlanStats stats;
  for (const Slice& slice : plan.slices) {
    for (int64_t b = 0; b < slice.block_count; ++b) {
      const RowBlock& block =
          plan.blocks[static_cast<size_t>(slice.first_block + b)];
      stats.visible_pairs += block.visible_pairs * slice.use_count;
      stats.walked_pairs += block.walked_pairs() * slice.use_count;
      stats.rows_without_keys +=
          rows_without_keys(plan, block) * slice.use_count;
    }
  }
  for (const KeyRun& run : plan.runs) {
    ++(run.bitmap == kAbsent ? stats.full_runs : stats.partial_runs);
    stats.key_lists += run.list == kAbsent ? 0 : 1;
  }
  stats.slices = static_cast<int64_t>(plan.slices.size());
  stats.row_blocks = static_cast<int64_t>(plan.blocks.size());
  stats.folds = static_cast<int64_t>(plan.folds.size());
  stats.bitmap_words = static_cast<int64_t>(plan.bitmaps.size());
  stats.plan_bytes = stored_bytes(plan);
  return stats;
}

void count_shares(const AttentionShape& shape, PlanStats& stats) {
  const double pairs =
      static_cast<double>(shape.batch) * static_cast<double>(shape.heads) *
      static_cast<double>(shape.q_len) * static_cast<double>(shape.kv_len);
  if (pairs == 0) return;
  stats.visible_share = static_cast<double>(stats.visible_pairs) / pairs;
  stats.walked_share = static_cast<double>(stats.walked_pairs) / pairs;
}

void shrink(PlanData& plan) {
  plan.slices.shrink_to_fit();
  plan.slice_uses.shrink_to_fit();
  plan.blocks.shrink_to_fit();
  plan.folds.shrink_to_fit();
  plan.runs.shrink_to_fit();
  plan.bitmaps.shrink_to_fit();
  plan.key_lists.shrink_to_fit();
}

}  // namespace
}  // namespace detail

MaskPlan::MaskPlan(const BoundMask& mask,
                   std::shared_ptr<const detail::StoredPlan> plan)
    : mask_(mask), plan_(std::move(plan)) {}

const PlanStats& MaskPlan::stats() const { return plan_->stats; }

const PlanOptions& MaskPlan::options() const { return plan_->options; }

const detail::PlanData& MaskPlan::data() const { return plan_->data; }

MaskPlan compile(const BoundMask& mask, const PlanOptions& options) {
  if (options.memory_cap < 0) {
    detail::fail(ErrorCode::invalid_argument, "plan",
                 "the memory cap is {} bytes; expected 0 or more",
                 options.memory_cap);
  }
  const detail::SliceUses uses = detail::find_slices(mask);
  detail::check_estimate(mask, uses, options.memory_cap);
  auto stored = std::make_shared<detail::StoredPlan>();
  stored->data.slice_of_use.resize(
      static_cast<size_t>(mask.shape().batch * mask.shape().heads));
  stored->options = options;
  detail::PlanBuilder builder(stored->data);
  for (size_t i = 0; i < uses.size(); ++i) {
    detail::build_slice(mask, uses, i, options.memory_cap, stored->data,
                        builder);
  }
  detail::build_schedule(stored->data);
  detail::measure_folds(stored->data);
  stored->data.fewest_rows = detail::fewest_rows(stored->data);
  detail::shrink(stored->data);
  stored->stats = detail::count_stats(stored->data);
  stored->data.visible_pairs = stored->stats.visible_pairs;
  detail::check_stored(mask, stored->stats.plan_bytes, 1, options.memory_cap);
  detail::count_shares(mask.shape(), stored->stats);
  return MaskPlan(mask, std::move(stored));
}

}  // namespace maskwise
