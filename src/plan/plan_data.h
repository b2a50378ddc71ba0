// The memory of a compiled mask: plain arrays that kernels read. Nothing here
// knows what a mask is.
#ifndef MASKWISE_PLAN_PLAN_DATA_H_
#define MASKWISE_PLAN_PLAN_DATA_H_

#include <cstdint>
#include <vector>

namespace maskwise::detail {

// Keys of one fold: the unit of summation of the row contract. The strip of
// scores of 64 rows and one fold, 256 KiB, stays in L2 at any length.
inline constexpr int64_t kFoldKeys = 1024;

// Rows of the largest block: one bit of a bitmap word for each.
inline constexpr int64_t kBlockRows = 64;

// Nothing: no bitmap (every row sees the run), no key list (consecutive keys).
inline constexpr int64_t kAbsent = -1;

// `count` keys that at least one row of the block sees, ascending.
// Key i is begin + i, or key_lists[list + i]; the rows that see it are the set
// bits of bitmaps[bitmap + i * bitmap_step], or all rows of the block.
struct KeyRun {
  int32_t begin = 0;
  int32_t count = 0;
  int64_t bitmap = kAbsent;
  int64_t list = kAbsent;
  int32_t bitmap_step = 1;  // 0: the same rows see every key of the run
};

// Runs that belong to one fold of every row of the block that sees them.
struct Fold {
  int64_t first_run = 0;
  int32_t run_count = 0;
};

// How the runs of a block are cut into folds.
enum class FoldCut : int32_t {
  listed,         // as the block's folds say
  while_walking,  // one entry holds all runs; every kFoldKeys keys walked are
                  // a fold, because the rows' ordinals agree
};

// Up to kBlockRows consecutive rows of one slice.
struct RowBlock {
  int32_t q_begin = 0;
  int32_t rows = 0;
  int64_t first_fold = 0;
  int32_t fold_count = 0;
  FoldCut cut = FoldCut::listed;
  int64_t key_count = 0;      // keys that some row sees
  int64_t visible_pairs = 0;  // of the block

  int64_t walked_pairs() const { return key_count * rows; }
};

// The blocks of one mask of a head, shared by every (batch, head) that has it.
struct Slice {
  int64_t first_block = 0;
  int64_t block_count = 0;
  int64_t first_use = 0;  // in slice_uses: batch * heads + head
  int64_t use_count = 0;
};

struct PlanData {
  std::vector<Slice> slices;
  std::vector<int32_t> slice_uses;
  std::vector<int32_t> slice_of_use;  // by batch * heads + head
  std::vector<RowBlock> blocks;
  std::vector<Fold> folds;
  std::vector<KeyRun> runs;
  std::vector<uint64_t> bitmaps;
  std::vector<int32_t> key_lists;
  // Slices, and where the blocks of each stand those, most work first.
  std::vector<int32_t> slice_schedule;
  std::vector<int32_t> block_schedule;
  // Entry i of slice_schedule is tasks [first_task[i], first_task[i + 1]): each
  // block of the slice for each of its uses.
  std::vector<int64_t> first_task;
  int64_t visible_pairs = 0;  // of all uses of all slices
  int64_t largest_fold = 0;   // keys that the rows of a block see in one fold
  int64_t most_folds = 0;     // of a block
  int64_t fewest_rows = kBlockRows;  // of a block that is not its slice's last
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_PLAN_DATA_H_
