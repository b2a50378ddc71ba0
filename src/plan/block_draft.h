// One row block on its way into a plan: which keys its rows see.
#ifndef MASKWISE_PLAN_BLOCK_DRAFT_H_
#define MASKWISE_PLAN_BLOCK_DRAFT_H_

#include <cstdint>
#include <vector>

#include "maskwise/bound_mask.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Consecutive keys that some row sees: all rows, or those that `words` tells.
struct Piece {
  int64_t begin = 0;
  int64_t count = 0;
  int64_t words = kAbsent;  // index of the first word; kAbsent: all rows
};

// Pieces in key order, with the words that they point to.
struct PieceList {
  std::vector<Piece> pieces;
  std::vector<uint64_t> words;

  // Appends keys that all rows see.
  void append_full(int64_t begin, int64_t count);
  // Appends one key that the rows of `word` see; joins it with the piece
  // before where that touches.
  void append_word(int64_t key, uint64_t word);
};

struct BlockDraft {
  int64_t q_begin = 0;
  int64_t rows = 0;
  int64_t key_count = 0;
  int64_t visible_pairs = 0;
  PieceList keys;

  int64_t walked_pairs() const { return rows * key_count; }
  uint64_t all_rows() const {
    return rows == kBlockRows ? ~uint64_t{0} : (uint64_t{1} << rows) - 1;
  }
};

// Drafts the blocks of one (batch, head).
class BlockDrafter {
 public:
  BlockDrafter(const BoundMask& mask, int64_t batch, int64_t head)
      : mask_(mask), batch_(batch), head_(head) {}

  // The rows [q_begin, q_begin + rows) as one block, or as several smaller
  // ones where what they see together is mostly waste.
  std::vector<BlockDraft> draft(int64_t q_begin, int64_t rows);

 private:
  BlockDraft draft_one(int64_t q_begin, int64_t rows);
  void add_mixed(KeyInterval zone, BlockDraft& draft);
  void append_zone(KeyInterval zone, BlockDraft& draft);

  const BoundMask& mask_;
  int64_t batch_;
  int64_t head_;
  std::vector<uint64_t> zone_words_;  // scratch: one word for each key
  KeyIntervals row_;                  // scratch
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_BLOCK_DRAFT_H_
