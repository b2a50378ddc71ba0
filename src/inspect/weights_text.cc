// Softmax weights drawn with characters.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/format.h"
#include "inspect/text_table.h"
#include "inspect/token_label.h"
#include "maskwise/inspect.h"

namespace maskwise {
namespace detail {
namespace {

constexpr int64_t kLongestWeightLabel = 8;

// Before each column of a TextTable.
constexpr int64_t kColumnGap = 2;

// Below 5 %, a third, two thirds, and more.
std::string_view shade_of(double weight, Charset charset) {
  constexpr std::array<double, 3> kLimits = {0.05, 1.0 / 3, 2.0 / 3};
  constexpr std::array<std::string_view, 4> kUnicode = {" ", "\u2591", "\u2592",
                                                        "\u2588"};
  constexpr std::array<std::string_view, 4> kAscii = {" ", "-", "+", "#"};
  size_t at = 0;
  while (at < kLimits.size() && weight >= kLimits[at]) ++at;
  return (charset == Charset::unicode ? kUnicode : kAscii)[at];
}

std::string cell_of(float weight, Charset charset) {
  if (weight == 0) {
    return charset == Charset::unicode ? "\u00B7  " : ".  ";
  }
  if (!std::isfinite(weight)) return "nan  ";
  return formatted("{:.0f} {}", 100 * weight, shade_of(weight, charset));
}

std::string label_of(const std::string& token, Charset charset) {
  return token_label(token, charset).shortened(kLongestWeightLabel).text();
}

void check_weights(const TensorView& weights, size_t q_labels,
                   size_t k_labels) {
  constexpr std::string_view kOperation = "draw_weights";
  if (!weights.defined() || weights.rank() != 2 ||
      weights.dtype() != DType::f32 || !weights.is_contiguous()) {
    fail(ErrorCode::shape_mismatch, kOperation,
         "expected weights [Lq, Lk], f32, dense, got {}",
         weights.defined() ? to_string(weights.shape()) : "nothing");
  }
  if (weights.dim(0) == static_cast<int64_t>(q_labels) &&
      weights.dim(1) == static_cast<int64_t>(k_labels)) {
    return;
  }
  fail(ErrorCode::shape_mismatch, kOperation,
       "expected {} query labels and {} key labels, got {} and {}",
       weights.dim(0), weights.dim(1), q_labels, k_labels);
}

// The columns of one key, cell by cell, and how wide they are in a table.
struct KeyColumn {
  std::vector<std::string> cells;
  int64_t columns = 0;
};

std::vector<KeyColumn> key_columns(const TensorView& weights,
                                   const std::vector<std::string>& k_labels,
                                   Charset charset) {
  std::vector<KeyColumn> columns(k_labels.size());
  const auto* weight = weights.data<float>();
  for (size_t k = 0; k < columns.size(); ++k) {
    columns[k].cells.push_back(label_of(k_labels[k], charset) + "  ");
  }
  for (int64_t q = 0; q < weights.dim(0); ++q) {
    for (KeyColumn& one : columns) {
      one.cells.push_back(cell_of(*weight++, charset));
    }
  }
  for (KeyColumn& one : columns) {
    for (const std::string& cell : one.cells) {
      one.columns =
          std::max(one.columns, kColumnGap + Label(cell, charset).columns());
    }
  }
  return columns;
}

// How many of the keys from `first` on stand in a table of `most` columns
// beside the queries: one at least.
size_t keys_that_fit(const std::vector<KeyColumn>& keys, size_t first,
                     int64_t left, std::optional<int64_t> most) {
  size_t count = 0;
  for (size_t k = first; k < keys.size(); ++k, ++count) {
    left += keys[k].columns;
    if (most && count > 0 && left > *most) break;
  }
  return count;
}

}  // namespace
}  // namespace detail

std::string draw_weights(const TensorView& weights,
                         const std::vector<std::string>& q_labels,
                         const std::vector<std::string>& k_labels,
                         Charset charset, std::optional<int64_t> most_columns) {
  detail::check_weights(weights, q_labels.size(), k_labels.size());
  std::vector<std::string> heads = {""};
  int64_t left = 0;
  for (const std::string& query : q_labels) {
    heads.push_back(detail::label_of(query, charset));
    left = std::max(left, detail::Label(heads.back(), charset).columns());
  }
  const auto keys = detail::key_columns(weights, k_labels, charset);
  std::string text;
  size_t first = 0;
  do {
    const size_t count = detail::keys_that_fit(
        keys, first, detail::kColumnGap + left, most_columns);
    detail::TextTable table(charset);
    for (size_t row = 0; row < heads.size(); ++row) {
      std::vector<std::string> cells = {heads[row]};
      for (size_t k = first; k < first + count; ++k) {
        cells.push_back(keys[k].cells[row]);
      }
      table.row(cells);
    }
    text += (first > 0 ? "\n" : "") + table.text(0);
    first += count;
  } while (first < keys.size());
  return text;
}

}  // namespace maskwise
