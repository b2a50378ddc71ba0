#include "maskwise/nn/metrics.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"

namespace maskwise::nn {
namespace {

using Symbols = std::vector<std::string>;

double percent(int64_t part, int64_t whole) {
  return whole == 0
             ? 0
             : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

// Row by row of the table of distances between beginnings of the two.
int64_t edit_distance(const Symbols& a, const Symbols& b) {
  std::vector<int64_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), int64_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    int64_t diagonal = row[0];
    row[0] = static_cast<int64_t>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const int64_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

double ErrorRates::word_error_rate() const { return percent(wrong, n); }

double ErrorRates::symbol_error_rate() const { return percent(edits, symbols); }

double ErrorRates::accuracy() const { return percent(n - wrong, n); }

ErrorRates error_rates(const std::vector<std::string>& expected,
                       const std::vector<std::string>& answers, Split split) {
  if (expected.size() != answers.size()) {
    maskwise::detail::fail(ErrorCode::shape_mismatch, "error_rates",
                           "{} answers to {} questions; expected one for each",
                           answers.size(), expected.size());
  }
  ErrorRates rates = {.n = std::ssize(expected)};
  for (size_t i = 0; i < expected.size(); ++i) {
    const Symbols wanted = split_text(expected[i], split);
    const Symbols found = split_text(answers[i], split);
    if (wanted != found) ++rates.wrong;
    rates.edits += edit_distance(found, wanted);
    rates.symbols += std::ssize(wanted);
  }
  return rates;
}

}  // namespace maskwise::nn
