// How far each row of a block is in its fold, all rows at once.
#ifndef MASKWISE_PLAN_FOLD_COUNTERS_H_
#define MASKWISE_PLAN_FOLD_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "plan/plan_data.h"

namespace maskwise::detail {

// A counter modulo kFoldKeys for each of up to 64 rows, bit by bit: word p
// holds bit p of every counter, so that rows are counted by a ripple of
// carries and not one after another. A set of rows is a word, as in bitmaps.
class FoldCounters {
 public:
  // The rows see one key more; returns those that complete a fold with it.
  uint64_t add_one(uint64_t rows) {
    for (uint64_t& plane : planes_) {
      if (rows == 0) return 0;
      const uint64_t carry = plane & rows;
      plane ^= rows;
      rows = carry;
    }
    return rows;
  }

  // The same for `count` keys, at most a fold.
  uint64_t add(uint64_t rows, int64_t count) {
    if (count == kFoldKeys) return rows;
    uint64_t carry = 0;
    for (std::size_t p = 0; p < kPlanes; ++p) {
      const uint64_t addend = (count >> p & 1) != 0 ? rows : 0;
      const uint64_t sum = planes_[p] ^ addend;
      const uint64_t next = (planes_[p] & addend) | (carry & sum);
      planes_[p] = sum ^ carry;
      carry = next;
    }
    return carry;
  }

  // The most keys of its open fold that one of the rows has seen.
  int64_t most(uint64_t rows) const {
    int64_t count = 0;
    for (std::size_t p = kPlanes; p-- > 0;) {
      if ((rows & planes_[p]) == 0) continue;
      rows &= planes_[p];
      count += int64_t{1} << p;
    }
    return count;
  }

 private:
  static constexpr std::size_t kPlanes = 10;
  static_assert(int64_t{1} << kPlanes == kFoldKeys);

  std::array<uint64_t, kPlanes> planes_ = {};
};

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_FOLD_COUNTERS_H_
