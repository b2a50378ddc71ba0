#include "inspect/text_table.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace maskwise::detail {

void TextTable::row(const std::vector<std::string>& cells) {
  std::vector<Label> labels;
  for (const std::string& cell : cells) labels.emplace_back(cell, charset_);
  rows_.push_back(std::move(labels));
}

std::string TextTable::text(size_t left) const {
  std::vector<int64_t> widths;
  for (const std::vector<Label>& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], row[i].columns());
    }
  }
  std::string text;
  for (const std::vector<Label>& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += "  ";
      line += i < left ? row[i].at_left(widths[i]) : row[i].at_right(widths[i]);
    }
    text += line.erase(line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

}  // namespace maskwise::detail
