#include "inspect/grid_slices.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "mask/intervals.h"

namespace maskwise::detail {
namespace {

// A caption names at most this many stretches of batch items or heads.
constexpr size_t kMostStretches = 6;

// Two masks with different digests differ; equal digests are held against
// each other row by row.
struct Digest {
  uint64_t hash = 0;
  int64_t visible_pairs = 0;

  auto operator<=>(const Digest&) const = default;
};

uint64_t mixed(uint64_t hash, int64_t value) {
  // An odd factor near 2^64 / golden ratio spreads every bit upward.
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15;
  hash = (hash ^ static_cast<uint64_t>(value)) * kFactor;
  return hash ^ hash >> 32;
}

Digest digest_of(const BoundMask& mask, int64_t batch, int64_t head) {
  Digest digest;
  KeyIntervals keys;
  const KeyInterval range{0, mask.shape().kv_len};
  for (int64_t q = 0; q < mask.shape().q_len; ++q) {
    mask.row_keys(batch, head, q, range, keys);
    for (const KeyInterval& interval : keys) {
      digest.hash = mixed(mixed(digest.hash, interval.begin), interval.end);
    }
    digest.hash = mixed(digest.hash, q);
    digest.visible_pairs += count_keys(keys);
  }
  return digest;
}

bool same_mask(const BoundMask& mask, const GridSlice& slice, int64_t batch,
               int64_t head) {
  for (int64_t q = 0; q < mask.shape().q_len; ++q) {
    if (mask.row_keys(slice.batch, slice.head, q) !=
        mask.row_keys(batch, head, q)) {
      return false;
    }
  }
  return true;
}

class SliceFinder {
 public:
  explicit SliceFinder(const BoundMask& mask)
      : mask_(mask), ids_(mask.slice_ids()) {}

  void add(int64_t batch, int64_t head) {
    const int64_t user = batch * mask_.shape().heads + head;
    const int32_t id = ids_[static_cast<size_t>(user)];
    const auto known = slice_of_id_.find(id);
    const size_t slice =
        known != slice_of_id_.end() ? known->second : find(batch, head);
    slice_of_id_.emplace(id, slice);
    append_interval(slices_[slice].users, {user, user + 1});
  }

  std::vector<GridSlice> take() { return std::move(slices_); }

 private:
  // The slice that allows the same pairs, a new one if there is none.
  size_t find(int64_t batch, int64_t head) {
    const Digest digest = digest_of(mask_, batch, head);
    const auto [first, last] = by_digest_.equal_range(digest);
    for (auto it = first; it != last; ++it) {
      if (same_mask(mask_, slices_[it->second], batch, head)) {
        return it->second;
      }
    }
    slices_.push_back({batch, head, {}, digest.visible_pairs});
    by_digest_.emplace(digest, slices_.size() - 1);
    return slices_.size() - 1;
  }

  const BoundMask& mask_;
  std::vector<int32_t> ids_;
  std::map<int32_t, size_t> slice_of_id_;
  std::multimap<Digest, size_t> by_digest_;
  std::vector<GridSlice> slices_;
};

// Batch items that use a mask in the same heads.
struct UserBlock {
  KeyIntervals heads;
  KeyIntervals items;
};

void add_items(std::vector<UserBlock>& blocks, const KeyIntervals& heads,
               KeyInterval items) {
  if (heads.empty()) return;
  auto block = std::ranges::find(blocks, heads, &UserBlock::heads);
  if (block == blocks.end()) block = blocks.insert(block, {heads, {}});
  append_interval(block->items, items);
}

// From stretches of b * H + h to blocks, without touching each user.
std::vector<UserBlock> blocks_of(const KeyIntervals& users, int64_t heads) {
  std::vector<UserBlock> blocks;
  int64_t item = 0;         // of which some heads are known
  KeyIntervals some_heads;  // which
  const auto finish_item = [&] {
    add_items(blocks, some_heads, {item, item + 1});
    some_heads.clear();
  };
  for (auto [begin, end] : users) {
    while (begin < end) {
      const int64_t b = begin / heads;
      const int64_t whole = begin % heads == 0 ? (end - begin) / heads : 0;
      if (b != item || whole > 0) finish_item();
      if (whole > 0) {
        add_items(blocks, {{0, heads}}, {b, b + whole});
        begin += whole * heads;
        continue;
      }
      item = b;
      const int64_t stop = std::min(end, (b + 1) * heads);
      append_interval(some_heads, {begin - b * heads, stop - b * heads});
      begin = stop;
    }
  }
  finish_item();
  return blocks;
}

KeyInterval chosen(std::string_view axis, std::optional<int64_t> index,
                   int64_t size) {
  if (!index) return {0, size};
  if (*index < 0 || *index >= size) {
    fail(ErrorCode::invalid_argument, "explain",
         "{} {} lies outside the shape; expected 0 <= {} < {}", axis, *index,
         axis, size);
  }
  return {*index, *index + 1};
}

// "0-1, 4 and 6".
std::string stretches(const KeyIntervals& list) {
  const size_t shown = std::min(list.size(), kMostStretches);
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    const int64_t last = list[i].end - 1;
    const bool ends = i + 1 == list.size();
    text += i == 0 ? "" : ends ? " and " : ", ";
    text += formatted("{}", list[i].begin);
    if (last > list[i].begin) text += formatted("-{}", last);
  }
  if (shown == list.size()) return text;
  return text + formatted(", ... ({} in all)", count_keys(list));
}

}  // namespace

std::vector<GridSlice> grid_slices(const BoundMask& mask,
                                   std::optional<int64_t> batch,
                                   std::optional<int64_t> head) {
  const KeyInterval items = chosen("batch", batch, mask.shape().batch);
  const KeyInterval heads = chosen("head", head, mask.shape().heads);
  SliceFinder finder(mask);
  for (int64_t b = items.begin; b < items.end; ++b) {
    for (int64_t h = heads.begin; h < heads.end; ++h) finder.add(b, h);
  }
  return finder.take();
}

bool varies_over_heads(const std::vector<GridSlice>& slices,
                       const AttentionShape& shape) {
  for (const GridSlice& slice : slices) {
    for (const KeyInterval& users : slice.users) {
      if (users.begin % shape.heads != 0 || users.end % shape.heads != 0) {
        return true;
      }
    }
  }
  return false;
}

bool varies_over_batch(const std::vector<GridSlice>& slices,
                       const AttentionShape& shape) {
  const KeyIntervals everybody = {{0, shape.batch}};
  return std::ranges::any_of(slices, [&](const GridSlice& slice) {
    const std::vector<UserBlock> blocks = blocks_of(slice.users, shape.heads);
    return blocks.size() != 1 || blocks[0].items != everybody;
  });
}

std::string describe_users(const GridSlice& slice, int64_t heads) {
  const std::vector<UserBlock> blocks = blocks_of(slice.users, heads);
  std::string text;
  for (size_t i = 0; i < blocks.size() && i < kMostStretches; ++i) {
    const UserBlock& block = blocks[i];
    text += formatted(
        "{}batch {}, head{} {}", i > 0 ? "; " : "", stretches(block.items),
        count_keys(block.heads) > 1 ? "s" : "", stretches(block.heads));
  }
  return blocks.size() > kMostStretches ? text + "; ..." : text;
}

}  // namespace maskwise::detail
