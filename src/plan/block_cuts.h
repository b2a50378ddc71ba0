// Where a row block falls apart: rows that have no key in common with the rows
// before them, as at the border of two documents.
#ifndef MASKWISE_PLAN_BLOCK_CUTS_H_
#define MASKWISE_PLAN_BLOCK_CUTS_H_

#include <cstdint>
#include <vector>

#include "plan/block_draft.h"

namespace maskwise::detail {

// The rows, ascending, at which to begin a block of its own so that the least
// is walked; none where that gains nothing. Counted from the draft's first row.
std::vector<int64_t> find_cuts(const BlockDraft& draft);

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_BLOCK_CUTS_H_
