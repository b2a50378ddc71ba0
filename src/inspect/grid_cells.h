// One mask counted into the cells of a grid that fits a page.
#ifndef MASKWISE_INSPECT_GRID_CELLS_H_
#define MASKWISE_INSPECT_GRID_CELLS_H_

#include <cstdint>
#include <vector>

#include "inspect/grid_slices.h"
#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// Tokens 0 <= i < length in cells of `cell` tokens; the last may hold fewer.
struct GridAxis {
  int64_t length = 0;
  int64_t cell = 1;
  int64_t cells = 0;

  bool scaled() const { return cell > 1; }
  int64_t begin_of(int64_t i) const { return i * cell; }
  int64_t size_of(int64_t i) const {
    return i + 1 < cells ? cell : length - begin_of(i);
  }

  // Digits of the largest begin_of().
  int64_t digits() const;
};

// At most `most` cells; their size is a power of two, so that the numbers of
// the axis are round where lengths are.
GridAxis fit_axis(int64_t length, int64_t most);

struct GridCells {
  GridAxis rows;
  GridAxis columns;
  std::vector<int64_t> counts;  // allowed pairs of each cell, by row

  bool scaled() const { return rows.scaled() || columns.scaled(); }

  // The share of the cell's pairs that are allowed: exactly 0 for none and
  // exactly 1 for all, between for some.
  double share(int64_t row, int64_t column) const;
};

// Cost: the intervals of each row, and the cells that they touch.
GridCells count_cells(const BoundMask& mask, const GridSlice& slice,
                      int64_t most_cells);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_GRID_CELLS_H_
