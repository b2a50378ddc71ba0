// Softmax weights drawn with characters.
#include <array>
#include <cmath>
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

}  // namespace
}  // namespace detail

std::string draw_weights(const TensorView& weights,
                         const std::vector<std::string>& q_labels,
                         const std::vector<std::string>& k_labels,
                         Charset charset) {
  detail::check_weights(weights, q_labels.size(), k_labels.size());
  detail::TextTable table(charset);
  std::vector<std::string> cells = {""};
  for (const std::string& key : k_labels) {
    cells.push_back(detail::label_of(key, charset) + "  ");
  }
  table.row(cells);
  const auto* weight = weights.data<float>();
  for (const std::string& query : q_labels) {
    cells = {detail::label_of(query, charset)};
    for (size_t k = 0; k < k_labels.size(); ++k) {
      cells.push_back(detail::cell_of(*weight++, charset));
    }
    table.row(cells);
  }
  return table.text(0);
}

}  // namespace maskwise
