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

  void add_full(int64_t count) {
    for (int64_t r = 0; r < rows_; ++r) seen_[static_cast<size_t>(r)] += count;
  }
  void add_word(uint64_t word) {
    for (; word != 0; word &= word - 1) {
      ++seen_[static_cast<size_t>(std::countr_zero(word))];
    }
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

// Whether every row that sees a key of the piece has seen all keys walked so
// far, modulo what keeps it in the same fold.
class SharedCheck {
 public:
  explicit SharedCheck(int64_t rows) : seen_(rows) {}

  bool accepts(const Piece& piece, const std::vector<uint64_t>& words) {
    return piece.words == kAbsent ? accepts_full(piece.count)
                                  : accepts_words(piece, words);
  }

 private:
  // Row and walk enter and leave the same folds at the same keys.
  bool accepts_full(int64_t count) {
    bool shared = true;
    for (int64_t r = 0; r < seen_.rows(); ++r) {
      const int64_t row = seen_.of(r);
      const bool together = row == walked_;
      const bool inside = row / kFoldKeys == walked_ / kFoldKeys &&
                          (row + count - 1) / kFoldKeys == row / kFoldKeys &&
                          (walked_ + count - 1) / kFoldKeys ==
                              walked_ / kFoldKeys;
      shared = shared && (together || inside);
    }
    seen_.add_full(count);
    walked_ += count;
    return shared;
  }

  bool accepts_words(const Piece& piece, const std::vector<uint64_t>& words) {
    for (int64_t i = 0; i < piece.count; ++i, ++walked_) {
      const uint64_t word = words[static_cast<size_t>(piece.words + i)];
      for (uint64_t rest = word; rest != 0; rest &= rest - 1) {
        const int64_t row = seen_.of(std::countr_zero(rest));
        if (row / kFoldKeys != walked_ / kFoldKeys) return false;
      }
      seen_.add_word(word);
    }
    return true;
  }

  Ordinals seen_;
  int64_t walked_ = 0;
};

bool rows_agree(const BlockDraft& draft) {
  SharedCheck check(draft.rows);
  return std::ranges::all_of(draft.keys.pieces, [&](const Piece& piece) {
    return check.accepts(piece, draft.keys.words);
  });
}

int64_t most_keys_of_a_row(const BlockDraft& draft) {
  Ordinals seen(draft.rows);
  for (const Piece& piece : draft.keys.pieces) {
    if (piece.words == kAbsent) {
      seen.add_full(piece.count);
      continue;
    }
    for (int64_t i = 0; i < piece.count; ++i) {
      seen.add_word(draft.keys.words[static_cast<size_t>(piece.words + i)]);
    }
  }
  int64_t most = 0;
  for (int64_t r = 0; r < draft.rows; ++r) most = std::max(most, seen.of(r));
  return most;
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
    for (const Piece& piece : draft_.keys.pieces) deal(piece);
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
      if (piece.words == kAbsent) {
        deal_full(piece.begin + done, step);
      } else {
        deal_words(piece, done, step);
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

  void deal_full(int64_t begin, int64_t count) {
    for (const Group& group : groups_) {
      if (group.rows == draft_.all_rows()) {
        list_of(group).append_full(begin, count);
        continue;
      }
      for (int64_t k = begin; k < begin + count; ++k) {
        list_of(group).append_word(k, group.rows);
      }
    }
    seen_.add_full(count);
  }

  void deal_words(const Piece& piece, int64_t first, int64_t count) {
    for (int64_t i = first; i < first + count; ++i) {
      const uint64_t word = draft_.keys.words[static_cast<size_t>(
          piece.words + i)];
      for (const Group& group : groups_) {
        const uint64_t rows = word & group.rows;
        if (rows != 0) list_of(group).append_word(piece.begin + i, rows);
      }
      seen_.add_word(word);
    }
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
  if (draft.keys.pieces.empty()) return result;
  const bool one_fold = draft.key_count <= kFoldKeys ||
                        most_keys_of_a_row(draft) <= kFoldKeys;
  if (one_fold || rows_agree(draft)) {
    result.cut = one_fold ? FoldCut::listed : FoldCut::while_walking;
    result.folds.push_back(std::move(draft.keys));
  } else {
    result.folds = Splitter(draft).split();
  }
  return result;
}

}  // namespace maskwise::detail
