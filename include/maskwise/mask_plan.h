// A compiled mask: which keys each block of rows walks, and who sees them.
#ifndef MASKWISE_MASK_PLAN_H_
#define MASKWISE_MASK_PLAN_H_

#include <cstdint>
#include <memory>

#include "maskwise/bound_mask.h"

namespace maskwise {

namespace detail {
struct PlanData;
struct StoredPlan;
}  // namespace detail

struct PlanOptions {
  // compile() refuses, and states its estimate, above this many bytes.
  int64_t memory_cap = int64_t{1} << 30;
};

// Counts over all batch items and heads unless they say "stored".
struct PlanStats {
  int64_t visible_pairs = 0;  // pairs that the mask allows
  double visible_share = 0;   // of B*H*Lq*Lk; 0 for an empty shape
  int64_t walked_pairs = 0;   // rows of a block x keys that one of them sees
  double walked_share = 0;    // of B*H*Lq*Lk
  int64_t rows_without_keys = 0;
  int64_t slices = 0;        // stored: different (batch, head) masks
  int64_t row_blocks = 0;    // stored
  int64_t folds = 0;         // stored; shared folds are cut while walking
  int64_t full_runs = 0;     // stored: every row of the block sees the run
  int64_t partial_runs = 0;  // stored: a bitmap says who
  int64_t key_lists = 0;     // stored: partial runs of scattered keys
  int64_t bitmap_words = 0;  // stored, after deduplication
  int64_t plan_bytes = 0;    // stored, all of it
};

// Immutable, cheap to copy, safe to read from many threads. Keeps the mask
// that it came from. A move copies, so what was moved from still works.
class MaskPlan {
 public:
  MaskPlan(const MaskPlan&) = default;
  MaskPlan& operator=(const MaskPlan&) = default;

  const AttentionShape& shape() const { return mask_.shape(); }
  const BoundMask& mask() const { return mask_; }
  const PlanStats& stats() const;
  const PlanOptions& options() const;  // that it was compiled with

  // For the library's own layers.
  MaskPlan(const BoundMask& mask,
           std::shared_ptr<const detail::StoredPlan> plan);
  const detail::PlanData& data() const;

 private:
  BoundMask mask_;
  std::shared_ptr<const detail::StoredPlan> plan_;
};

// Compiles a mask: time and memory are proportional to the row blocks and to
// the keys that some but not all rows of a block see, never to Lq x Lk unless
// the mask itself is a tensor of that size. Throws Error (limit) when the
// estimate is above the cap.
MaskPlan compile(const BoundMask& mask, const PlanOptions& options = {});

}  // namespace maskwise

#endif  // MASKWISE_MASK_PLAN_H_
