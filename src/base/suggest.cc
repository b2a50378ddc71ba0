#include "base/suggest.h"

#include <algorithm>
#include <numeric>

#include "base/format.h"

namespace maskwise::detail {
namespace {

// Words longer than this are no misspelling of ours.
constexpr size_t kLongestWord = 64;

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
                         const std::vector<std::string_view>& known) {
  if (found.size() > kLongestWord) return "";
  size_t best = std::max<size_t>(2, found.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string_view word : known) {
    const size_t distance = edit_distance(found, word);
    // A word that shares no letter with the found one is no suggestion.
    if (distance < best && distance < std::max(word.size(), found.size())) {
      best = distance;
      nearest = word;
    }
  }
  return nearest.empty() ? "" : formatted("; did you mean '{}'?", nearest);
}

std::string join_words(const std::vector<std::string_view>& words) {
  return joined(words, ", ");
}

}  // namespace maskwise::detail
