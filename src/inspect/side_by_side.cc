// Drawings beside each other.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "inspect/token_label.h"
#include "inspect/token_width.h"
#include "maskwise/inspect.h"

namespace maskwise {
namespace detail {
namespace {

constexpr int64_t kGap = 3;  // columns between drawings

std::vector<std::string_view> lines_of(std::string_view drawing) {
  std::vector<std::string_view> lines;
  while (!drawing.empty()) {
    const size_t end = std::min(drawing.find('\n'), drawing.size());
    lines.push_back(drawing.substr(0, end));
    drawing.remove_prefix(std::min(end + 1, drawing.size()));
  }
  return lines;
}

}  // namespace
}  // namespace detail

std::string side_by_side(const std::vector<std::string>& drawings) {
  std::vector<std::string> rows;
  int64_t left = 0;  // columns of the drawings before
  for (const std::string& drawing : drawings) {
    const auto lines = detail::lines_of(drawing);
    rows.resize(std::max(rows.size(), lines.size()));
    int64_t widest = 0;
    for (size_t i = 0; i < lines.size(); ++i) {
      rows[i] += detail::blanks(left - detail::columns_of(rows[i]));
      rows[i] += lines[i];
      widest = std::max(widest, detail::columns_of(lines[i]));
    }
    left += widest + detail::kGap;
  }
  std::string text;
  for (std::string& row : rows) {
    text += row.erase(row.find_last_not_of(' ') + 1);
    text += '\n';
  }
  return text;
}

}  // namespace maskwise
