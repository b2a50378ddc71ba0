// Drawings beside each other.
#include <algorithm>
#include <cstdint>
#include <optional>
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

// Drawings whose lines have met.
class Band {
 public:
  // Takes the drawing if the band stays within `most` columns, or is empty.
  bool take(std::string_view drawing, std::optional<int64_t> most) {
    const auto lines = lines_of(drawing);
    int64_t widest = 0;
    for (const std::string_view line : lines) {
      widest = std::max(widest, columns_of(line));
    }
    if (left_ > 0 && most && left_ + widest > *most) return false;
    rows_.resize(std::max(rows_.size(), lines.size()));
    for (size_t i = 0; i < lines.size(); ++i) {
      rows_[i] += blanks(left_ - columns_of(rows_[i]));
      rows_[i] += lines[i];
    }
    left_ += widest + kGap;
    return true;
  }

  std::string text() const {
    std::string text;
    for (const std::string& row : rows_) {
      text += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
  }

 private:
  std::vector<std::string> rows_;
  int64_t left_ = 0;  // where the next drawing begins
};

}  // namespace
}  // namespace detail

std::string side_by_side(const std::vector<std::string>& drawings,
                         std::optional<int64_t> most_columns) {
  std::string text;
  detail::Band band;
  for (const std::string& drawing : drawings) {
    if (band.take(drawing, most_columns)) continue;
    text += band.text() + "\n";
    band = {};
    band.take(drawing, most_columns);
  }
  return text + band.text();
}

}  // namespace maskwise
