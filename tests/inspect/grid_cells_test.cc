#include "inspect/grid_cells.h"

#include <gtest/gtest.h>

#include "maskwise/mask.h"

namespace maskwise::detail {
namespace {

GridCells cells_of(const Mask& mask, const AttentionShape& shape,
                   int64_t most_cells) {
  const BoundMask bound = mask.bind(shape);
  return count_cells(bound, grid_slices(bound)[0], most_cells);
}

TEST(GridCells, AnAxisThatFitsIsNotScaled) {
  const GridAxis axis = fit_axis(48, 48);
  EXPECT_FALSE(axis.scaled());
  EXPECT_EQ(axis.cells, 48);
  EXPECT_EQ(axis.digits(), 2);
  EXPECT_EQ(fit_axis(0, 48).cells, 0);
  EXPECT_EQ(fit_axis(0, 48).digits(), 1);
}

TEST(GridCells, LongerAxesHaveCellsOfAPowerOfTwo) {
  const GridAxis axis = fit_axis(1000, 48);
  EXPECT_EQ(axis.cell, 32);
  EXPECT_EQ(axis.cells, 32);
  EXPECT_EQ(axis.size_of(0), 32);
  EXPECT_EQ(axis.size_of(31), 8);
  EXPECT_EQ(fit_axis(1 << 20, 48).cell, 1 << 15);
  EXPECT_EQ(fit_axis(5, 1).cells, 1);
}

TEST(GridCells, CountsAreTheAllowedPairsOfEachCell) {
  // Every shape up to 9 x 9, held against one pair at a time.
  for (int64_t q_len = 1; q_len < 10; ++q_len) {
    for (int64_t kv_len = 1; kv_len < 10; ++kv_len) {
      const AttentionShape shape = {1, 1, q_len, kv_len};
      const Mask mask =
          dilated(3) |
          sliding_window({.left = 1, .right = 2, .align = Align::top_left});
      const BoundMask bound = mask.bind(shape);
      const GridCells cells = cells_of(mask, shape, 4);
      std::vector<int64_t> counts(cells.counts.size());
      for (int64_t q = 0; q < q_len; ++q) {
        for (int64_t k = 0; k < kv_len; ++k) {
          const int64_t at = q / cells.rows.cell * cells.columns.cells +
                             k / cells.columns.cell;
          counts[static_cast<size_t>(at)] += bound.allowed(0, 0, q, k) ? 1 : 0;
        }
      }
      EXPECT_EQ(cells.counts, counts) << q_len << " x " << kv_len;
    }
  }
}

TEST(GridCells, NearlyAllIsNeverAllAndNearlyNoneNeverNone) {
  const int64_t length = int64_t{1} << 27;
  const AttentionShape shape = {1, 1, 1, length};
  const GridCells nearly_all = cells_of(prefix(length - 1), shape, 1);
  EXPECT_LT(nearly_all.share(0, 0), 1);
  EXPECT_GT(nearly_all.share(0, 0), 0.9999);
  EXPECT_GT(cells_of(prefix(1), shape, 1).share(0, 0), 0);
  EXPECT_EQ(cells_of(all(), shape, 1).share(0, 0), 1);
  EXPECT_EQ(cells_of(none(), shape, 1).share(0, 0), 0);
}

}  // namespace
}  // namespace maskwise::detail
