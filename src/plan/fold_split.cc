#include "plan/fold_split.h"

#include <algorithm>
#include <utility>

#include "plan/fold_counters.h"

namespace maskwise::detail {
namespace {

// Whether every row that sees a key stands there in the fold that the walk
// over the block's keys has reached, so that one cut serves all rows.
class SharedCheck {
 public:
  explicit SharedCheck(const BlockDraft& draft)
      : keys_(draft.keys), in_fold_(draft.all_rows()) {}

  bool run() {
    return std::ranges::all_of(keys_.pieces(), [&](const Piece& piece) {
      return piece.word_step == 0
                 ? accepts_same(keys_.word(piece, 0), piece.count)
                 : accepts_each(piece);
    });
  }

 private:
  bool accepts_each(const Piece& piece) {
    for (int64_t i = 0; i < piece.count; ++i) {
      const uint64_t word = keys_.word(piece, i);
      if ((word & ~in_fold_) != 0) return false;
      const uint64_t done = seen_.add_one(word);
      if (++walked_ % kFoldKeys == 0) in_fold_ = done;
    }
    return true;
  }

  bool accepts_same(uint64_t word, int64_t count) {
    if ((word & ~in_fold_) != 0) return false;
    const int64_t to_edge = kFoldKeys - walked_ % kFoldKeys;
    walked_ += count;
    if (count < to_edge) {
      seen_.add(word, count);
      return true;
    }
    // No row is ahead of the walk: those that reach the edge with it stand at
    // its very place, and only they can go on with it.
    in_fold_ = seen_.add(word, to_edge);
    const int64_t rest = count - to_edge;
    if (rest == 0) return true;
    if ((word & ~in_fold_) != 0) return false;
    seen_.add(word, rest % kFoldKeys);
    return true;
  }

  const PieceList& keys_;
  FoldCounters seen_;
  int64_t walked_ = 0;
  uint64_t in_fold_;  // the rows that stand in the fold of the walk
};

bool each_row_has_one_fold(const BlockDraft& draft) {
  FoldCounters seen;
  uint64_t done = 0;  // rows that have seen a whole fold
  for (const Piece& piece : draft.keys.pieces()) {
    // A piece with a word for each key is counted key by key.
    const int64_t keys = piece.word_step == 0 ? piece.count : 1;
    for (int64_t i = 0; i < piece.count; i += keys) {
      const uint64_t word = draft.keys.word(piece, i);
      if ((word & done) != 0 || seen.most(word) + keys > kFoldKeys) {
        return false;
      }
      done |= seen.add(word, keys);
    }
  }
  return true;
}

// The rows that stand in one fold.
struct Group {
  int64_t fold = 0;
  uint64_t rows = 0;
};

// Walks the keys once and deals them out to the folds of the rows.
class Splitter {
 public:
  explicit Splitter(const BlockDraft& draft)
      : keys_(draft.keys), groups_({{0, draft.all_rows()}}) {}

  std::vector<PieceList> split() {
    for (const Piece& piece : keys_.pieces()) {
      if (piece.word_step == 0) {
        deal_same(piece);
        continue;
      }
      for (int64_t i = 0; i < piece.count; ++i) {
        const uint64_t word = keys_.word(piece, i);
        deal(piece.begin + i, 1, word);
        advance(seen_.add_one(word));
      }
    }
    return std::move(folds_);
  }

 private:
  // Up to the next edge of a row the groups stay as they are.
  void deal_same(const Piece& piece) {
    const uint64_t word = keys_.word(piece, 0);
    int64_t dealt = 0;
    while (dealt < piece.count) {
      const int64_t step =
          std::min(piece.count - dealt, kFoldKeys - seen_.most(word));
      deal(piece.begin + dealt, step, word);
      advance(seen_.add(word, step));
      dealt += step;
    }
  }

  void deal(int64_t begin, int64_t count, uint64_t word) {
    for (const Group& group : groups_) {
      const uint64_t rows = word & group.rows;
      if (rows == 0) continue;
      const auto fold = static_cast<size_t>(group.fold);
      if (fold >= folds_.size()) folds_.resize(fold + 1);
      folds_[fold].append(begin, count, rows);
    }
  }

  // The rows that have completed a fold stand in the next one. Later groups
  // first, so that none is moved twice.
  void advance(uint64_t done) {
    if (done == 0) return;
    for (size_t g = groups_.size(); g-- > 0;) {
      const uint64_t moved = groups_[g].rows & done;
      if (moved == 0) continue;
      groups_[g].rows ^= moved;
      const int64_t next = groups_[g].fold + 1;
      if (g + 1 == groups_.size() || groups_[g + 1].fold != next) {
        groups_.insert(groups_.begin() + static_cast<int64_t>(g) + 1,
                       Group{next, 0});
      }
      groups_[g + 1].rows |= moved;
    }
    std::erase_if(groups_, [](const Group& group) { return group.rows == 0; });
  }

  const PieceList& keys_;
  FoldCounters seen_;
  std::vector<Group> groups_;  // ascending by fold
  std::vector<PieceList> folds_;
};

}  // namespace

FoldDraft split_folds(const BlockDraft& draft) {
  if (draft.key_count <= kFoldKeys) return {};
  if (SharedCheck(draft).run()) return {FoldCut::while_walking, {}};
  if (each_row_has_one_fold(draft)) return {};
  return {FoldCut::listed, Splitter(draft).split()};
}

}  // namespace maskwise::detail
