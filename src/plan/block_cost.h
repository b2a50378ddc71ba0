// What kernels pay for a row block: the measure by which rows are put together
// and taken apart.
#ifndef MASKWISE_PLAN_BLOCK_COST_H_
#define MASKWISE_PLAN_BLOCK_COST_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace maskwise::detail {

// Kernels walk whole vectors of rows.
inline constexpr int64_t kVectorRows = 16;

// Where rows are few, keys are the lanes, and it is the keys that cost: what
// 1, 2, ... 8 rows pay for a key, in pairs of a full vector. Measured.
inline constexpr std::array<int64_t, 9> kFewRowsCost = {0,  4,  5,  7, 7,
                                                        11, 11, 11, 11};

// What a block costs apart from its pairs, in pairs: some 0.5 us.
inline constexpr int64_t kBlockCost = 256;

// Of a block of `rows` rows that see `keys` keys together, in pairs.
inline int64_t block_cost(int64_t rows, int64_t keys) {
  const int64_t of_key =
      rows < static_cast<int64_t>(kFewRowsCost.size())
          ? kFewRowsCost[static_cast<size_t>(rows)]
          : (rows + kVectorRows - 1) / kVectorRows * kVectorRows;
  return of_key * keys + kBlockCost;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_PLAN_BLOCK_COST_H_
