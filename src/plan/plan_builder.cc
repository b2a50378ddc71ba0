#include "plan/plan_builder.h"

#include <algorithm>

namespace maskwise::detail {
namespace {

// Neighbouring pieces shorter than this are written as one key list: a run
// costs about as much as this many entries of a list.
constexpr int64_t kShortPiece = 8;

// FNV-1a over whole elements.
template <typename Element>
uint64_t hash_of(std::span<const Element> stretch) {
  uint64_t hash = 0xCBF29CE484222325;
  for (const Element element : stretch) {
    hash = (hash ^ static_cast<uint64_t>(element)) * 0x100000001B3;
    hash ^= hash >> 29;  // the low bits of a product know nothing of the high
  }
  return hash;
}

}  // namespace

template <typename Element>
int64_t StretchPool<Element>::place(std::span<const Element> stretch) {
  const uint64_t hash = hash_of(stretch);
  const auto [begin, end] = known_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const auto [at, size] = it->second;
    if (size == stretch.size() &&
        std::equal(stretch.begin(), stretch.end(), storage_.begin() + at)) {
      return at;
    }
  }
  const auto at = static_cast<int64_t>(storage_.size());
  storage_.insert(storage_.end(), stretch.begin(), stretch.end());
  known_.emplace(hash, std::make_pair(at, stretch.size()));
  return at;
}

void PlanBuilder::add_block(BlockDraft&& draft) {
  RowBlock block;
  block.q_begin = static_cast<int32_t>(draft.q_begin);
  block.rows = static_cast<int32_t>(draft.rows);
  block.first_fold = static_cast<int64_t>(plan_.folds.size());
  block.key_count = draft.key_count;
  block.visible_pairs = draft.visible_pairs;
  if (!add_moved_folds(draft, block)) add_folds(draft, block);
  block.fold_count = static_cast<int32_t>(
      static_cast<int64_t>(plan_.folds.size()) - block.first_fold);
  plan_.blocks.push_back(block);
  last_ = std::move(draft);
}

void PlanBuilder::add_folds(const BlockDraft& draft, RowBlock& block) {
  last_has_list_ = false;
  if (draft.keys.pieces().empty()) return;
  const FoldDraft folds = split_folds(draft);
  block.cut = folds.cut;
  if (folds.folds.empty()) add_fold(draft.keys, draft.all_rows());
  for (const PieceList& fold : folds.folds) add_fold(fold, draft.all_rows());
}

// A block of a window is mostly the one before, moved: it gets copies of that
// block's runs, and shares their bitmaps.
bool PlanBuilder::add_moved_folds(const BlockDraft& draft, RowBlock& block) {
  // Keys of a list would move one by one.
  if (!last_ || last_has_list_ || last_->rows != draft.rows ||
      !draft.keys.is_moved(last_->keys)) {
    return false;
  }
  const RowBlock before = plan_.blocks.back();
  const std::span<const Piece> old_pieces = last_->keys.pieces();
  for (int64_t f = 0; f < before.fold_count; ++f) {
    Fold fold = plan_.folds[static_cast<size_t>(before.first_fold + f)];
    const int64_t old_run = fold.first_run;
    fold.first_run = static_cast<int64_t>(plan_.runs.size());
    for (int64_t r = 0; r < fold.run_count; ++r) {
      KeyRun run = plan_.runs[static_cast<size_t>(old_run + r)];
      const auto after =
          std::ranges::upper_bound(old_pieces, run.begin, {}, &Piece::begin);
      const auto piece = static_cast<size_t>(after - old_pieces.begin()) - 1;
      run.begin += static_cast<int32_t>(draft.keys.pieces()[piece].begin -
                                        old_pieces[piece].begin);
      plan_.runs.push_back(run);
    }
    plan_.folds.push_back(fold);
  }
  block.cut = before.cut;
  return true;
}

void PlanBuilder::add_fold(const PieceList& keys, uint64_t all_rows) {
  Fold fold;
  fold.first_run = static_cast<int64_t>(plan_.runs.size());
  const std::span<const Piece> pieces = keys.pieces();
  size_t i = 0;
  while (i < pieces.size()) {
    size_t end = i;
    while (end < pieces.size() && pieces[end].count < kShortPiece) ++end;
    if (end - i > 1) {
      add_list(keys, pieces.subspan(i, end - i));
      i = end;
    } else {
      add_run(keys, pieces[i++], all_rows);
    }
  }
  fold.run_count = static_cast<int32_t>(
      static_cast<int64_t>(plan_.runs.size()) - fold.first_run);
  plan_.folds.push_back(fold);
}

void PlanBuilder::add_run(const PieceList& keys, const Piece& piece,
                          uint64_t all_rows) {
  KeyRun run;
  run.begin = static_cast<int32_t>(piece.begin);
  run.count = static_cast<int32_t>(piece.count);
  const bool full = piece.word_step == 0 && keys.word(piece, 0) == all_rows;
  if (!full) {
    run.bitmap = bitmaps_.place(keys.words(piece));
    run.bitmap_step = static_cast<int32_t>(piece.word_step);
  }
  plan_.runs.push_back(run);
}

void PlanBuilder::add_list(const PieceList& keys,
                           std::span<const Piece> pieces) {
  words_.clear();
  keys_.clear();
  for (const Piece& piece : pieces) {
    for (int64_t i = 0; i < piece.count; ++i) {
      keys_.push_back(static_cast<int32_t>(piece.begin + i));
      words_.push_back(keys.word(piece, i));
    }
  }
  last_has_list_ = true;
  KeyRun run;
  run.begin = keys_.front();
  run.count = static_cast<int32_t>(keys_.size());
  run.bitmap = bitmaps_.place(std::span<const uint64_t>(words_));
  run.list = lists_.place(std::span<const int32_t>(keys_));
  plan_.runs.push_back(run);
}

template class StretchPool<uint64_t>;
template class StretchPool<int32_t>;

}  // namespace maskwise::detail
