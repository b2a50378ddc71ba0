// What both drawings of a mask show: the grids, their captions and labels.
#ifndef MASKWISE_INSPECT_GRID_PAGE_H_
#define MASKWISE_INSPECT_GRID_PAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/grid_cells.h"
#include "inspect/token_label.h"
#include "maskwise/bound_mask.h"
#include "maskwise/inspect.h"

namespace maskwise::detail {

// One grid and the words around it.
struct GridPicture {
  GridCells cells;
  std::string caption;          // who has it and how dense it is
  std::vector<Label> q_labels;  // one for each row; empty = numbers only
  std::vector<Label> k_labels;  // one for each column
  // Tokens that stand at the edge as numbers only, because the characters
  // cannot show them.
  std::vector<std::string> legend;
};

struct GridPage {
  std::vector<GridPicture> pictures;
  std::string more;  // says how many grids are not shown; "" when none

  // Whether a cell of some picture stands for more than one pair.
  bool scaled() const;
};

// What a drawing can show of a token, in terminal columns, and its characters.
struct LabelRoom {
  int64_t query = 14;
  int64_t key = 14;
  Charset charset = Charset::unicode;
};

// Throws Error when an option does not fit the mask.
GridPage lay_out(const BoundMask& mask, const GridOptions& options,
                 const LabelRoom& room);

// "58.3 %": a share that is not 0 or 1 is never rounded to one of them.
std::string percent(double share);

// "1,048,576".
std::string grouped(int64_t count);

// "1 query x 32 keys", with `times` for the x.
std::string cell_size(const GridCells& cells, std::string_view times);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_GRID_PAGE_H_
