#include "plan/fold_counters.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>

namespace maskwise::detail {
namespace {

// Plain counters of 64 rows.
struct Plain {
  std::array<int64_t, 64> seen = {};

  uint64_t add(uint64_t rows, int64_t count) {
    uint64_t done = 0;
    for (uint64_t rest = rows; rest != 0; rest &= rest - 1) {
      const auto row = static_cast<size_t>(std::countr_zero(rest));
      if (seen[row] + count >= kFoldKeys) done |= uint64_t{1} << row;
      seen[row] = (seen[row] + count) % kFoldKeys;
    }
    return done;
  }

  int64_t most(uint64_t rows) const {
    int64_t count = 0;
    for (uint64_t rest = rows; rest != 0; rest &= rest - 1) {
      count =
          std::max(count, seen[static_cast<size_t>(std::countr_zero(rest))]);
    }
    return count;
  }
};

// Each row with probability 1/4.
uint64_t sparse_rows(std::mt19937_64& engine) {
  uint64_t rows = engine();
  rows &= engine();
  return rows;
}

TEST(FoldCounters, CountAsPlainCountersDo) {
  std::mt19937_64 engine(3);
  FoldCounters counters;
  Plain plain;
  for (int i = 0; i < 20000; ++i) {
    const uint64_t rows = sparse_rows(engine);
    if (i % 3 == 0) {
      const auto count = static_cast<int64_t>(engine() % (kFoldKeys + 1));
      ASSERT_EQ(counters.add(rows, count), plain.add(rows, count)) << i;
    } else {
      ASSERT_EQ(counters.add_one(rows), plain.add(rows, 1)) << i;
    }
    const uint64_t asked = sparse_rows(engine);
    ASSERT_EQ(counters.most(asked), plain.most(asked)) << i;
  }
}

TEST(FoldCounters, AFoldOfKeysCompletesAFold) {
  FoldCounters counters;
  EXPECT_EQ(counters.add(0b101, kFoldKeys), 0b101U);
  EXPECT_EQ(counters.most(0b111), 0);
  EXPECT_EQ(counters.add(0b101, kFoldKeys - 1), 0U);
  EXPECT_EQ(counters.most(0b111), kFoldKeys - 1);
  EXPECT_EQ(counters.most(0b010), 0);
  EXPECT_EQ(counters.add_one(0b110), 0b100U);
}

}  // namespace
}  // namespace maskwise::detail
