#include "plan/plan_estimate.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/checked_math.h"
#include "base/fail.h"
#include "base/format.h"
#include "plan/plan_data.h"

namespace maskwise::detail {
namespace {

// What a block costs with no key at all, and what a run adds to it.
constexpr auto kBlockBytes =
    static_cast<int64_t>(sizeof(RowBlock) + sizeof(Fold) + sizeof(int32_t));
constexpr auto kRunBytes = static_cast<int64_t>(sizeof(KeyRun));
// A mixed key costs a word and, where keys are scattered, a list entry.
constexpr auto kMixedKeyBytes =
    static_cast<int64_t>(sizeof(uint64_t) + sizeof(int32_t));

// Blocks whose bounds are looked at, evenly spaced where there are more: all
// of a million rows, and no wait on shapes that no plan can serve.
constexpr int64_t kMostLooks = int64_t{1} << 14;

int64_t count_keys(const KeyIntervals& list) {
  int64_t count = 0;
  for (const KeyInterval& keys : list) count += keys.end - keys.begin;
  return count;
}

// Of the blocks looked at.
struct Looks {
  int64_t seen_keys = 0;   // by some row of the block
  int64_t mixed_keys = 0;  // by some, but not by every one

  // Returns the bytes of the block.
  int64_t add(const BlockKeys& keys) {
    const int64_t seen = count_keys(keys.some);
    const int64_t mixed = seen - count_keys(keys.every);
    seen_keys += seen;
    mixed_keys += mixed;
    const auto runs =
        static_cast<int64_t>(keys.some.size() + 2 * keys.every.size());
    return kBlockBytes + runs * kRunBytes + mixed * kMixedKeyBytes;
  }

  // What the memory goes to, for people. Around the diagonal that is so for
  // every mask, and says nothing.
  std::string_view reason() const {
    constexpr int64_t kDiagonal = 16 * kBlockRows;
    return 2 * mixed_keys > seen_keys && seen_keys > kDiagonal
               ? ". Rows that lie side by side see different keys nearly "
                 "everywhere"
               : "";
  }
};

std::string human_bytes(double bytes) {
  constexpr double kKibi = 1024;
  for (const char* unit : {"bytes", "KiB", "MiB", "GiB"}) {
    if (bytes < kKibi) return formatted("{:.4g} {}", bytes, unit);
    bytes /= kKibi;
  }
  return formatted("{:.4g} TiB", bytes);
}

[[noreturn]] void refuse(const BoundMask& mask, double estimate, int64_t cap,
                         std::string_view reason) {
  fail(ErrorCode::limit, "plan",
       "the plan for shape {} would take about {}; expected at most {} "
       "(PlanOptions::memory_cap){}",
       to_string(mask.shape()), human_bytes(estimate),
       human_bytes(static_cast<double>(cap)), reason);
}

}  // namespace

void check_estimate(const BoundMask& mask, const SliceUses& uses, int64_t cap) {
  const AttentionShape& shape = mask.shape();
  const int64_t blocks = ceil_div(shape.q_len, kBlockRows);
  const double all_blocks =
      static_cast<double>(blocks) * static_cast<double>(uses.size());
  const auto worst_block =
      static_cast<double>(kBlockBytes) +
      static_cast<double>(shape.kv_len) * (kMixedKeyBytes + kRunBytes);
  const auto fixed = static_cast<double>(shape.batch * shape.heads) *
                     static_cast<double>(sizeof(int32_t));
  if (fixed + all_blocks * worst_block <= static_cast<double>(cap)) return;

  double bytes = fixed;
  Looks looks;
  const int64_t all = blocks * static_cast<int64_t>(uses.size());
  const int64_t step = ceil_div(all, kMostLooks);
  for (int64_t i = 0; i < all; i += step) {
    const int32_t use = uses[static_cast<size_t>(i / blocks)][0];
    const int64_t begin = i % blocks * kBlockRows;
    const BlockKeys keys =
        mask.block_keys(use / shape.heads, use % shape.heads, begin,
                        std::min(begin + kBlockRows, shape.q_len));
    bytes += static_cast<double>(step) * static_cast<double>(looks.add(keys));
    if (bytes > static_cast<double>(cap)) {
      const double share =
          static_cast<double>(std::min(i + step, all)) / all_blocks;
      refuse(mask, bytes / share, cap, looks.reason());
    }
  }
}

void check_stored(const BoundMask& mask, int64_t bytes, double share,
                  int64_t cap) {
  if (bytes <= cap) return;
  refuse(mask, static_cast<double>(bytes) / share, cap, "");
}

}  // namespace maskwise::detail
