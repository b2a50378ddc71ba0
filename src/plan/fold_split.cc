#include "plan/fold_split.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace maskwise::detail {
namespace {

// How many keys each row has seen so far.
class Ordinals {
 public:
  explicit Ordinals(int64_t rows) : rows_(rows) {}

  int64_t of(int64_t row) const { return seen_[static_cast<size_t>(row)]; }
  int64_t rows() const { return rows_; }
  int64_t most() const { return std::ranges::max(seen_); }

  // The rows of `word` see `count` keys more.
  void add(uint64_t word, int64_t count) {
    for (; word != 0; word &= word - 1) {
      seen_[static_cast<size_t>(std::countr_zero(word))] += count;
    }
  }

  void add(const PieceList& keys, const Piece& piece) {
    if (piece.word_step == 0) return add(keys.word(piece, 0), piece.count);
    for (int64_t i = 0; i < piece.count; ++i) add(keys.word(piece, i), 1);
  }

  // How many more keys may be walked before a row can reach its next fold.
  int64_t keys_to_next_edge() const {
    int64_t least = kFoldKeys;
    for (int64_t r = 0; r < rows_; ++r) {
      least = std::min(least, kFoldKeys - of(r) % kFoldKeys);
    }
    return least;
  }

 private:
  int64_t rows_;
  std::array<int64_t, kBlockRows> seen_ = {};
};

// Whether `count` keys after `at` lie in the fold of `at`.
bool stays_in_fold(int64_t at, int64_t count) {
  return at % kFoldKeys + count <= kFoldKeys;
}

// Whether every row that sees a key stands there in the fold that the walk
// over the block's keys has reached, so that one cut serves all rows.
class SharedCheck {
 public:
  explicit SharedCheck(const BlockDraft& draft)
      : keys_(draft.keys), all_rows_(draft.all_rows()), seen_(draft.rows) {}

  bool run() {
    const auto& pieces = keys_.pieces();
    for (const Piece& piece : pieces) {
      const bool full =
          piece.word_step == 0 && keys_.word(piece, 0) == all_rows_;
      if (together_ && full) {
        walked_ += piece.count;
        continue;
      }
      const bool last = &piece == &pieces.back();
      if (together_ && last && stays_in_fold(walked_, piece.count)) return true;
      count_apart();
      if (piece.word_step == 0 ? !accepts_same(piece) : !accepts_each(piece)) {
        return false;
      }
    }
    return true;
  }

 private:
  // From here on rows may have seen fewer keys than were walked.
  void count_apart() {
    if (together_) seen_.add(all_rows_, walked_);
    together_ = false;
  }

  bool accepts_same(const Piece& piece) {
    const uint64_t word = keys_.word(piece, 0);
    for (uint64_t rest = word; rest != 0; rest &= rest - 1) {
      const int64_t row = seen_.of(std::countr_zero(rest));
      const bool inside = row / kFoldKeys == walked_ / kFoldKeys &&
                          stays_in_fold(row, piece.count) &&
                          stays_in_fold(walked_, piece.count);
      if (row != walked_ && !inside) return false;
    }
    seen_.add(word, piece.count);
    walked_ += piece.count;
    return true;
  }

  bool accepts_each(const Piece& piece) {
    for (int64_t i = 0; i < piece.count; ++i, ++walked_) {
      const uint64_t word = keys_.word(piece, i);
      for (uint64_t rest = word; rest != 0; rest &= rest - 1) {
        const int64_t row = seen_.of(std::countr_zero(rest));
        if (row / kFoldKeys != walked_ / kFoldKeys) return false;
      }
      seen_.add(word, 1);
    }
    return true;
  }

  const PieceList& keys_;
  uint64_t all_rows_;
  Ordinals seen_;  // once together_ is false
  int64_t walked_ = 0;
  bool together_ = true;  // every row has seen every key walked
};

bool each_row_has_one_fold(const BlockDraft& draft) {
  if (draft.key_count <= kFoldKeys) return true;
  Ordinals seen(draft.rows);
  for (const Piece& piece : draft.keys.pieces()) seen.add(draft.keys, piece);
  return seen.most() <= kFoldKeys;
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
      : draft_(draft), seen_(draft.rows) {}

  std::vector<PieceList> split() {
    for (const Piece& piece : draft_.keys.pieces()) deal(piece);
    return std::move(folds_);
  }

 private:
  // Up to the next edge of any row the groups stay as they are.
  void deal(const Piece& piece) {
    int64_t done = 0;
    while (done < piece.count) {
      const int64_t step =
          std::min(piece.count - done, seen_.keys_to_next_edge());
      find_groups();
      if (piece.word_step == 0) {
        deal_same(piece.begin + done, step, draft_.keys.word(piece, 0));
      } else {
        for (int64_t i = done; i < done + step; ++i) {
          deal_one(piece.begin + i, draft_.keys.word(piece, i));
        }
      }
      done += step;
    }
  }

  void find_groups() {
    groups_.clear();
    for (int64_t r = 0; r < draft_.rows; ++r) {
      const int64_t fold = seen_.of(r) / kFoldKeys;
      auto group = std::ranges::find(groups_, fold, &Group::fold);
      if (group == groups_.end()) {
        groups_.push_back({fold, 0});
        group = groups_.end() - 1;
      }
      group->rows |= uint64_t{1} << r;
    }
  }

  void deal_same(int64_t begin, int64_t count, uint64_t word) {
    for (const Group& group : groups_) {
      const uint64_t rows = word & group.rows;
      if (rows != 0) list_of(group).append_same(begin, count, rows);
    }
    seen_.add(word, count);
  }

  void deal_one(int64_t key, uint64_t word) {
    for (const Group& group : groups_) {
      const uint64_t rows = word & group.rows;
      if (rows != 0) list_of(group).append_one(key, rows);
    }
    seen_.add(word, 1);
  }

  PieceList& list_of(const Group& group) {
    const auto fold = static_cast<size_t>(group.fold);
    if (fold >= folds_.size()) folds_.resize(fold + 1);
    return folds_[fold];
  }

  const BlockDraft& draft_;
  Ordinals seen_;
  std::vector<Group> groups_;
  std::vector<PieceList> folds_;
};

}  // namespace

FoldDraft split_folds(BlockDraft&& draft) {
  FoldDraft result;
  if (draft.keys.pieces().empty()) return result;
  if (draft.key_count > kFoldKeys && SharedCheck(draft).run()) {
    result.cut = FoldCut::while_walking;
    result.folds.push_back(std::move(draft.keys));
  } else if (each_row_has_one_fold(draft)) {
    result.folds.push_back(std::move(draft.keys));
  } else {
    result.folds = Splitter(draft).split();
  }
  return result;
}

}  // namespace maskwise::detail
