#include "base/suggest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/format.h"

namespace maskwise::detail {
namespace {

// Words longer than this are no misspelling of ours.
constexpr size_t kLongestWord = 64;

// Most edits that a misspelling of `size` letters may have.
size_t most_edits(size_t size) {
  constexpr size_t kShortWord = 3;
  return size <= kShortWord ? 1 : std::max<size_t>(2, size / 3);
}

// Insertions, deletions, replacements and swaps of two neighbours: the optimal
// string alignment distance.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);  // of the letter before the last
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
      const bool swapped =
          i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string did_you_mean(std::string_view found,
                         const std::vector<std::string_view>& known) {
  if (found.size() > kLongestWord) return "";
  const std::string lower = lower_case(found);
  size_t best = most_edits(found.size()) + 1;
  std::string_view nearest;
  for (const std::string_view word : known) {
    const size_t distance = edit_distance(lower, lower_case(word));
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
