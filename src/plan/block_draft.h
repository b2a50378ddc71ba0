// One row block on its way into a plan: which keys its rows see.
#ifndef MASKWISE_PLAN_BLOCK_DRAFT_H_
#define MASKWISE_PLAN_BLOCK_DRAFT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "maskwise/bound_mask.h"
#include "plan/block_cost.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// Consecutive keys that some row sees. The rows that see key begin + i are
// the bits of words[first_word + i * word_step].
struct Piece {
  int64_t begin = 0;
  int64_t count = 0;
  int64_t first_word = 0;
  int64_t word_step = 0;  // 0: the same rows see every key of the piece
};

// Pieces in key order, with the words that they point to.
class PieceList {
 public:
  const std::vector<Piece>& pieces() const { return pieces_; }
  uint64_t word(const Piece& piece, int64_t i) const {
    return words_[static_cast<size_t>(piece.first_word + i * piece.word_step)];
  }
  // The words of a piece: one, or one for each key.
  std::span<const uint64_t> words(const Piece& piece) const {
    return std::span(words_).subspan(
        static_cast<size_t>(piece.first_word),
        piece.word_step == 0 ? 1 : static_cast<size_t>(piece.count));
  }

  // Appends keys that the rows of `word` see, behind all others, as one piece;
  // or, when they are few, in a piece with a word for each key.
  void append_same(int64_t begin, int64_t count, uint64_t word);
  void append(int64_t begin, int64_t count, uint64_t word);

  // Whether the same rows see as many keys at other places, which touch where
  // the keys of `other` do: whatever is made of one list serves the other.
  bool is_moved(const PieceList& other) const;

 private:
  void append_one(int64_t key, uint64_t word);

  std::vector<Piece> pieces_;
  std::vector<uint64_t> words_;
};

struct BlockDraft {
  int64_t q_begin = 0;
  int64_t rows = 0;
  int64_t key_count = 0;
  int64_t visible_pairs = 0;
  PieceList keys;

  int64_t walked_pairs() const { return rows * key_count; }
  int64_t cost() const { return block_cost(rows, key_count); }
  uint64_t all_rows() const {
    return rows == kBlockRows ? ~uint64_t{0} : (uint64_t{1} << rows) - 1;
  }
};

// Drafts the blocks of one (batch, head).
class BlockDrafter {
 public:
  BlockDrafter(const BoundMask& mask, int64_t batch, int64_t head)
      : mask_(mask), batch_(batch), head_(head) {}

  // Blocks of the rows from q_begin on: the next `rows` as one, or as several
  // smaller ones where what they see together is mostly waste. Where rows have
  // no key in common with those before, as at the border of two documents, the
  // last block ends there: together they are at least one row.
  std::vector<BlockDraft> draft(int64_t q_begin, int64_t rows);

 private:
  std::vector<BlockDraft> split(BlockDraft&& whole);
  BlockDraft draft_one(int64_t q_begin, int64_t rows);
  void add_mixed(KeyInterval zone, BlockDraft& draft);
  void append_zone(KeyInterval zone, BlockDraft& draft);

  const BoundMask& mask_;
  int64_t batch_;
  int64_t head_;
  // Scratch: the rows whose visibility changes at each key, then the rows that
  // see it; one word more than the zone has keys.
  std::vector<uint64_t> zone_words_;
  KeyIntervals row_;  // scratch
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_BLOCK_DRAFT_H_
