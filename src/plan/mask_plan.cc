#include "maskwise/mask_plan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/checked_math.h"
#include "base/fail.h"
#include "plan/block_draft.h"
#include "plan/plan_builder.h"
#include "plan/plan_estimate.h"
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

void build_slice(const BoundMask& mask, const std::vector<int32_t>& uses,
                 PlanBuilder& builder, PlanData& plan) {
  const AttentionShape& shape = mask.shape();
  Slice slice;
  slice.first_block = static_cast<int64_t>(plan.blocks.size());
  slice.first_use = static_cast<int64_t>(plan.slice_uses.size());
  slice.use_count = static_cast<int64_t>(uses.size());
  plan.slice_uses.insert(plan.slice_uses.end(), uses.begin(), uses.end());

  BlockDrafter drafter(mask, uses[0] / shape.heads, uses[0] % shape.heads);
  for (int64_t q = 0; q < shape.q_len; q += kBlockRows) {
    for (BlockDraft& draft :
         drafter.draft(q, std::min(kBlockRows, shape.q_len - q))) {
      builder.add_block(std::move(draft));
    }
  }
  slice.block_count =
      static_cast<int64_t>(plan.blocks.size()) - slice.first_block;
  plan.slice_of_block.resize(plan.blocks.size(),
                             static_cast<int32_t>(plan.slices.size()));
  plan.slices.push_back(slice);
}

// Most work first, so that no thread is left with a long block at the end.
void build_schedule(PlanData& plan) {
  plan.schedule.resize(plan.blocks.size());
  std::iota(plan.schedule.begin(), plan.schedule.end(), 0);
  std::ranges::stable_sort(plan.schedule, std::greater(), [&](int32_t i) {
    const RowBlock& block = plan.blocks[static_cast<size_t>(i)];
    return block.key_count * block.rows;
  });
}

template <typename... Vectors>
int64_t bytes_of(const Vectors&... vectors) {
  return static_cast<int64_t>(
      ((vectors.size() * sizeof(typename Vectors::value_type)) + ...));
}

int64_t rows_without_keys(const BoundMask& mask, const PlanData& plan,
                          const RowBlock& block, int32_t first_use) {
  if (block.key_count == 0) return block.rows;
  const int64_t heads = mask.shape().heads;
  const bool sees_full_run = [&] {
    const Fold& fold = plan.folds[static_cast<size_t>(block.first_fold)];
    return plan.runs[static_cast<size_t>(fold.first_run)].bitmap == kAbsent;
  }();
  if (sees_full_run) return 0;
  int64_t rows = 0;
  for (int64_t r = 0; r < block.rows; ++r) {
    rows += mask.row_keys(first_use / heads, first_use % heads,
                          block.q_begin + r)
                    .empty()
                ? 1
                : 0;
  }
  return rows;
}

PlanStats count_stats(const BoundMask& mask, const PlanData& plan) {
  PlanStats stats;
  for (const Slice& slice : plan.slices) {
    const int32_t first_use =
        plan.slice_uses[static_cast<size_t>(slice.first_use)];
    for (int64_t b = 0; b < slice.block_count; ++b) {
      const RowBlock& block =
          plan.blocks[static_cast<size_t>(slice.first_block + b)];
      stats.visible_pairs += block.visible_pairs * slice.use_count;
      stats.walked_pairs += block.key_count * block.rows * slice.use_count;
      stats.rows_without_keys +=
          rows_without_keys(mask, plan, block, first_use) * slice.use_count;
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
  stats.plan_bytes =
      static_cast<int64_t>(sizeof(StoredPlan)) +
      bytes_of(plan.slices, plan.slice_uses, plan.blocks, plan.folds,
               plan.runs, plan.bitmaps, plan.key_lists, plan.schedule,
               plan.slice_of_block);
  return stats;
}

void count_shares(const AttentionShape& shape, PlanStats& stats) {
  const double pairs = static_cast<double>(shape.batch) *
                       static_cast<double>(shape.heads) *
                       static_cast<double>(shape.q_len) *
                       static_cast<double>(shape.kv_len);
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
  plan.slice_of_block.shrink_to_fit();
}

}  // namespace
}  // namespace detail

MaskPlan::MaskPlan(const BoundMask& mask,
                   std::shared_ptr<const detail::StoredPlan> plan)
    : mask_(mask), plan_(std::move(plan)) {}

const PlanStats& MaskPlan::stats() const { return plan_->stats; }

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
  detail::PlanBuilder builder(stored->data);
  for (const auto& use : uses) {
    detail::build_slice(mask, use, builder, stored->data);
  }
  detail::build_schedule(stored->data);
  detail::shrink(stored->data);
  stored->stats = detail::count_stats(mask, stored->data);
  detail::count_shares(mask.shape(), stored->stats);
  return MaskPlan(mask, std::move(stored));
}

}  // namespace maskwise
