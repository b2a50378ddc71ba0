// Cuts the keys of a row block into folds by each row's own ordinals.
#ifndef MASKWISE_PLAN_FOLD_SPLIT_H_
#define MASKWISE_PLAN_FOLD_SPLIT_H_

#include <vector>

#include "plan/block_draft.h"

namespace maskwise::detail {

// The folds of a block, and whether they are cut while walking instead (then
// there is one list, of all keys).
struct FoldDraft {
  FoldCut cut = FoldCut::listed;
  std::vector<PieceList> folds;
};

// Takes the draft's keys apart. A key at which the rows stand in different
// folds goes to each of these, with the bits of the rows that stand there.
FoldDraft split_folds(BlockDraft&& draft);

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_FOLD_SPLIT_H_
