#include "suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace maskwise::cli {
namespace {

// Levenshtein's.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view found,
                         const std::vector<std::string>& known) {
  constexpr size_t kLongestWord = 64;
  constexpr size_t kMostEdits = 2;
  if (found.size() > kLongestWord) return "";
  size_t best = kMostEdits + 1;
  std::string nearest;
  for (const std::string& word : known) {
    const size_t distance = edit_distance(found, word);
    if (distance < std::min(best, word.size())) {
      best = distance;
      nearest = word;
    }
  }
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace maskwise::cli
