#include "inspect/grid_cells.h"

#include <algorithm>
#include <cmath>

#include "base/checked_math.h"

namespace maskwise::detail {

int64_t GridAxis::digits() const {
  int64_t digits = 1;
  for (int64_t rest = begin_of(cells - 1); rest >= 10; rest /= 10) ++digits;
  return digits;
}

GridAxis fit_axis(int64_t length, int64_t most) {
  int64_t cell = 1;
  while (ceil_div(length, cell) > most) cell *= 2;
  return {length, cell, ceil_div(length, cell)};
}

double GridCells::share(int64_t row, int64_t column) const {
  const int64_t count =
      counts[static_cast<size_t>(row * columns.cells + column)];
  const int64_t pairs = rows.size_of(row) * columns.size_of(column);
  if (count == 0) return 0;
  if (count == pairs) return 1;
  // Rounding must not turn "nearly all" into "all".
  return std::min(static_cast<double>(count) / static_cast<double>(pairs),
                  std::nextafter(1.0, 0.0));
}

GridCells count_cells(const BoundMask& mask, const GridSlice& slice,
                      int64_t most_cells) {
  GridCells grid;
  grid.rows = fit_axis(mask.shape().q_len, most_cells);
  grid.columns = fit_axis(mask.shape().kv_len, most_cells);
  grid.counts.resize(static_cast<size_t>(grid.rows.cells * grid.columns.cells));
  const int64_t width = grid.columns.cell;
  const KeyInterval range{0, grid.columns.length};
  KeyIntervals keys;
  for (int64_t q = 0; q < grid.rows.length; ++q) {
    int64_t* counts =
        grid.counts.data() + q / grid.rows.cell * grid.columns.cells;
    mask.row_keys(slice.batch, slice.head, q, range, keys);
    for (const KeyInterval& interval : keys) {
      for (int64_t begin = interval.begin; begin < interval.end;) {
        const int64_t keys_in_cell =
            std::min(width - begin % width, interval.end - begin);
        counts[begin / width] += keys_in_cell;
        begin += keys_in_cell;
      }
    }
  }
  return grid;
}

}  // namespace maskwise::detail
