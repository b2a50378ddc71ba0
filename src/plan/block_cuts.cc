#include "plan/block_cuts.h"

#include <array>
#include <bit>
#include <cstddef>
#include <limits>

#include "plan/block_cost.h"

namespace maskwise::detail {
namespace {

// Words that may be looked at in all: where every key has other rows there is
// no border to find, only time to lose.
constexpr size_t kMostLooks = 1 << 14;

// Rows r that have no key in common with row r - 1, and row 0.
uint64_t borders_of(const BlockDraft& draft) {
  uint64_t joined = 0;  // bit r: rows r and r + 1 have a key in common
  for (const Piece& piece : draft.keys.pieces()) {
    for (const uint64_t word : draft.keys.words(piece)) {
      joined |= word & word >> 1;
    }
  }
  return draft.all_rows() & ~(joined << 1);
}

// More segments than that are rows that stand alone: to split blocks down to
// vectors serves them as well.
constexpr int kMostSegments = kBlockRows / 2;

// Rows between two borders.
struct Segment {
  int64_t begin = 0;
  int64_t keys = 0;
};

// At least two segments; none where there are too few or too many of them, or
// too many words.
std::vector<Segment> find_segments(const BlockDraft& draft) {
  const uint64_t borders = borders_of(draft);
  const int count = std::popcount(borders);
  if (count < 2 || count > kMostSegments) return {};
  size_t words = 0;
  for (const Piece& piece : draft.keys.pieces()) {
    words += draft.keys.words(piece).size();
  }
  if (words * static_cast<size_t>(count) > kMostLooks) return {};

  std::vector<Segment> segments;
  std::array<size_t, kBlockRows> segment_of = {};
  for (int64_t row = 0; row < draft.rows; ++row) {
    if ((borders >> row & 1) != 0) segments.push_back({.begin = row});
    segment_of[static_cast<size_t>(row)] = segments.size() - 1;
  }
  for (const Piece& piece : draft.keys.pieces()) {
    const int64_t each = piece.word_step == 0 ? piece.count : 1;
    for (uint64_t rows : draft.keys.words(piece)) {
      while (rows != 0) {
        const size_t i =
            segment_of[static_cast<size_t>(std::countr_zero(rows))];
        segments[i].keys += each;
        if (i + 1 == segments.size()) break;
        rows &= ~uint64_t{0} << segments[i + 1].begin;
      }
    }
  }
  return segments;
}

}  // namespace

// The cheapest way to join segments to blocks, by dynamic programming: the
// best for the first segments is the best for fewer and one block more. Joined
// segments walk the keys of all of them.
std::vector<int64_t> find_cuts(const BlockDraft& draft) {
  const std::vector<Segment> segments = find_segments(draft);
  const size_t count = segments.size();
  if (count == 0) return {};
  std::vector<int64_t> best(count + 1, std::numeric_limits<int64_t>::max());
  std::vector<size_t> first(count + 1);  // segment of the last block
  best[0] = 0;
  for (size_t end = 1; end <= count; ++end) {
    const int64_t end_row = end < count ? segments[end].begin : draft.rows;
    int64_t keys = 0;
    for (size_t begin = end; begin-- > 0;) {
      keys += segments[begin].keys;
      const int64_t cost = block_cost(end_row - segments[begin].begin, keys);
      if (cost >= best[end]) break;  // and grows with every segment
      if (best[begin] + cost < best[end]) {
        best[end] = best[begin] + cost;
        first[end] = begin;
      }
    }
  }
  // Segments that do not touch may still share keys, which joining them counts
  // twice; the whole is known exactly.
  if (best[count] >= block_cost(draft.rows, draft.key_count)) return {};
  std::vector<int64_t> cuts;
  for (size_t end = first[count]; end > 0; end = first[end]) {
    cuts.insert(cuts.begin(), segments[end].begin);
  }
  return cuts;
}

}  // namespace maskwise::detail
