#include "plan/block_draft.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "plan/block_cost.h"
#include "plan/block_cuts.h"

namespace maskwise::detail {
namespace {

// A stretch of keys that the same rows see, shorter than this, stays in the
// bitmap around it: a run of its own would cost more than it saves.
constexpr int64_t kShortestSameRun = 16;

// A block is split when less than this part of what it walks is visible, and
// stays split when its parts cost less than this part of the whole.
constexpr double kWasteful = 0.25;
constexpr double kWorthSplitting = 0.9;

bool is_wasteful(const BlockDraft& draft) {
  return static_cast<double>(draft.visible_pairs) <
         kWasteful * static_cast<double>(draft.walked_pairs());
}

bool is_worth_it(int64_t parts, const BlockDraft& whole) {
  return static_cast<double>(parts) <
         kWorthSplitting * static_cast<double>(whole.cost());
}

// What the rows would cost as a block each: they walk what they see.
int64_t cost_of_rows(const BlockDraft& draft) {
  return block_cost(1, draft.visible_pairs) + (draft.rows - 1) * kBlockCost;
}

// Keys of `some` outside `every`, both ascending, every within some.
KeyIntervals mixed_keys(const BlockKeys& keys) {
  KeyIntervals mixed;
  auto every = keys.every.begin();
  for (const KeyInterval& some : keys.some) {
    int64_t begin = some.begin;
    for (; every != keys.every.end() && every->begin < some.end; ++every) {
      if (begin < every->begin) mixed.push_back({begin, every->begin});
      begin = every->end;
    }
    if (begin < some.end) mixed.push_back({begin, some.end});
  }
  return mixed;
}

}  // namespace

void PieceList::append_same(int64_t begin, int64_t count, uint64_t word) {
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.word_step == 0 && last.begin + last.count == begin &&
        words_[static_cast<size_t>(last.first_word)] == word) {
      last.count += count;
      return;
    }
  }
  pieces_.push_back({begin, count, static_cast<int64_t>(words_.size()), 0});
  words_.push_back(word);
}

void PieceList::append_one(int64_t key, uint64_t word) {
  words_.push_back(word);
  if (!pieces_.empty()) {
    Piece& last = pieces_.back();
    if (last.word_step == 1 && last.begin + last.count == key) {
      ++last.count;
      return;
    }
  }
  pieces_.push_back({key, 1, static_cast<int64_t>(words_.size()) - 1, 1});
}

void PieceList::append(int64_t begin, int64_t count, uint64_t word) {
  const bool joins = !pieces_.empty() && pieces_.back().word_step == 0 &&
                     pieces_.back().begin + pieces_.back().count == begin &&
                     words_.back() == word;
  if (joins || count >= kShortestSameRun) {
    append_same(begin, count, word);
    return;
  }
  for (int64_t i = 0; i < count; ++i) append_one(begin + i, word);
}

bool PieceList::is_moved(const PieceList& other) const {
  if (pieces_.size() != other.pieces_.size()) return false;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& a = pieces_[i];
    const Piece& b = other.pieces_[i];
    if (a.count != b.count || a.first_word != b.first_word ||
        a.word_step != b.word_step) {
      return false;
    }
    if (i == 0) continue;
    const Piece& a_before = pieces_[i - 1];
    const Piece& b_before = other.pieces_[i - 1];
    const bool a_touches = a_before.begin + a_before.count == a.begin;
    const bool b_touches = b_before.begin + b_before.count == b.begin;
    if (a_touches != b_touches) return false;
  }
  return words_ == other.words_;
}

std::vector<BlockDraft> BlockDrafter::draft(int64_t q_begin, int64_t rows) {
  BlockDraft whole = draft_one(q_begin, rows);
  const std::vector<int64_t> cuts = find_cuts(whole);
  if (cuts.empty()) return split(std::move(whole));
  std::vector<BlockDraft> result;
  int64_t begin = 0;
  for (const int64_t cut : cuts) {
    for (BlockDraft& each : split(draft_one(q_begin + begin, cut - begin))) {
      result.push_back(std::move(each));
    }
    begin = cut;
  }
  return result;
}

// Blocks of 64 rows are split into halves, then quarters, and those of at most
// a vector into rows.
std::vector<BlockDraft> BlockDrafter::split(BlockDraft&& whole) {
  std::vector<BlockDraft> parts;
  const bool into_rows = whole.rows <= kVectorRows;
  if (!is_wasteful(whole) ||
      (into_rows && !is_worth_it(cost_of_rows(whole), whole))) {
    parts.push_back(std::move(whole));
    return parts;
  }
  const int64_t most = whole.rows > 2 * kVectorRows ? 2 * kVectorRows
                       : into_rows                  ? 1
                                                    : kVectorRows;
  int64_t cost = 0;
  for (int64_t first = 0; first < whole.rows; first += most) {
    const int64_t rows = std::min(most, whole.rows - first);
    for (BlockDraft& part : split(draft_one(whole.q_begin + first, rows))) {
      cost += part.cost();
      parts.push_back(std::move(part));
    }
  }
  if (is_worth_it(cost, whole)) return parts;
  parts.clear();
  parts.push_back(std::move(whole));
  return parts;
}

BlockDraft BlockDrafter::draft_one(int64_t q_begin, int64_t rows) {
  BlockDraft draft;
  draft.q_begin = q_begin;
  draft.rows = rows;
  const BlockKeys keys =
      mask_.block_keys(batch_, head_, q_begin, q_begin + rows);
  const KeyIntervals mixed = mixed_keys(keys);
  auto zone = mixed.begin();
  for (const KeyInterval& every : keys.every) {
    for (; zone != mixed.end() && zone->begin < every.begin; ++zone) {
      add_mixed(*zone, draft);
    }
    const int64_t count = every.end - every.begin;
    draft.keys.append_same(every.begin, count, draft.all_rows());
    draft.key_count += count;
    draft.visible_pairs += count * rows;
  }
  for (; zone != mixed.end(); ++zone) add_mixed(*zone, draft);
  return draft;
}

// Asks every row what it sees of the zone. Each interval marks the keys at
// which its row begins and ceases to see; a running sum then tells the rows of
// every key, at a cost that does not depend on the length of the intervals.
void BlockDrafter::add_mixed(KeyInterval zone, BlockDraft& draft) {
  zone_words_.assign(static_cast<size_t>(zone.end - zone.begin) + 1, 0);
  for (int64_t r = 0; r < draft.rows; ++r) {
    const uint64_t bit = uint64_t{1} << r;
    mask_.row_keys(batch_, head_, draft.q_begin + r, zone, row_);
    for (const KeyInterval& keys : row_) {
      draft.visible_pairs += keys.end - keys.begin;
      zone_words_[static_cast<size_t>(keys.begin - zone.begin)] ^= bit;
      zone_words_[static_cast<size_t>(keys.end - zone.begin)] ^= bit;
    }
  }
  zone_words_.pop_back();
  uint64_t rows = 0;
  for (uint64_t& word : zone_words_) word = rows ^= word;
  append_zone(zone, draft);
}

// Cuts the zone into pieces and drops what nobody sees.
void BlockDrafter::append_zone(KeyInterval zone, BlockDraft& draft) {
  const auto count = static_cast<int64_t>(zone_words_.size());
  int64_t i = 0;
  while (i < count) {
    const uint64_t word = zone_words_[static_cast<size_t>(i)];
    int64_t end = i + 1;
    while (end < count && zone_words_[static_cast<size_t>(end)] == word) ++end;
    if (word != 0) {
      draft.key_count += end - i;
      draft.keys.append(zone.begin + i, end - i, word);
    }
    i = end;
  }
}

}  // namespace maskwise::detail
