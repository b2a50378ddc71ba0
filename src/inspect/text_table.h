// Tables of text.
#ifndef MASKWISE_INSPECT_TEXT_TABLE_H_
#define MASKWISE_INSPECT_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "inspect/token_label.h"
#include "maskwise/inspect.h"

namespace maskwise::detail {

// Columns of cells, each as wide as its widest.
class TextTable {
 public:
  explicit TextTable(Charset charset) : charset_(charset) {}

  void row(const std::vector<std::string>& cells);

  // The first `left` columns stand at the left, the others at the right.
  std::string text(size_t left) const;

 private:
  Charset charset_;
  std::vector<std::vector<Label>> rows_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_TEXT_TABLE_H_
