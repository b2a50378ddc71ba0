// Cuts the keys of a row block into folds by each row's own ordinals.
#ifndef MASKWISE_PLAN_FOLD_SPLIT_H_
#define MASKWISE_PLAN_FOLD_SPLIT_H_

#include <vector>

#include "plan/block_draft.h"

namespace maskwise::detail {

// The folds of a block; none when the draft's own list of keys serves, as one
// fold or, where `cut` says so, cut while walking.
struct FoldDraft {
  FoldCut cut = FoldCut::listed;
  std::vector<PieceList> folds;
};

// Takes the draft's keys apart where no one cut serves all rows. A key at
// which the rows stand in different folds goes to each of these, with the bits
// of the rows that stand there.
FoldDraft split_folds(const BlockDraft& draft);

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_FOLD_SPLIT_H_
