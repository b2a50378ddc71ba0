// The walk from token ids to weights as tables of text.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/format.h"
#include "inspect/text_table.h"
#include "inspect/token_label.h"
#include "maskwise/inspect.h"

namespace maskwise {
namespace detail {
namespace {

// A row of logits shows at most this many keys; of longer rows the first, those
// around the query and the last.
constexpr int64_t kMostKeys = 12;
constexpr int64_t kFirstKeys = 4;
constexpr int64_t kKeysBesideQuery = 2;
constexpr int64_t kLastKeys = 3;

constexpr int64_t kLongestKeyLabel = 8;
constexpr int64_t kLongestText = 64;  // of a step, mask text included

// Stands for keys that are left out.
constexpr int64_t kGap = -1;

std::vector<int64_t> keys_to_show(int64_t length, int64_t q) {
  std::vector<int64_t> keys;
  for (int64_t k = 0; k < length; ++k) {
    const bool beside = std::abs(k - q) <= kKeysBesideQuery;
    if (length <= kMostKeys || k < kFirstKeys || beside ||
        k >= length - kLastKeys) {
      keys.push_back(k);
    } else if (keys.back() != kGap) {
      keys.push_back(kGap);
    }
  }
  return keys;
}

bool is_masked(float logit) {
  return logit == -std::numeric_limits<float>::infinity();
}

std::string logit_text(float logit) {
  if (is_masked(logit)) return "-inf";
  const std::string text = formatted("{:.2f}", logit);
  return text == "-0.00" ? "0.00" : text;
}

std::string steps_text(const ShapeWalk& walk, Charset charset) {
  TextTable table(charset);
  for (const ShapeStep& step : walk.steps) {
    table.row({step.name, step.shape, to_string(step.sizes),
               Label(step.text, charset).shortened(kLongestText).text()});
  }
  return table.text(4);
}

// The logits and the masks, one axis above the other.
std::string alignment_text(const ShapeWalk& walk, Charset charset) {
  constexpr size_t kAxes = 4;
  TextTable table(charset);
  table.row({"", "B", "H", "Lq", "Lk"});
  for (const ShapeStep& step : walk.steps) {
    if (!step.on_logits) continue;
    std::vector<std::string> cells = {step.name};
    cells.resize(1 + kAxes - step.sizes.size());
    for (const int64_t size : step.sizes) {
      cells.push_back(formatted("{}", size));
    }
    table.row(cells);
  }
  return table.text(1);
}

class RowText {
 public:
  RowText(const LogitRow& row, Charset charset)
      : row_(row),
        charset_(charset),
        keys_(
            keys_to_show(static_cast<int64_t>(row.before.size()), row.row.q)) {}

  std::string text() const {
    TextTable table(charset_);
    if (!row_.keys.empty()) {
      table.row(cells("", [&](size_t k) {
        return token_label(row_.keys[k], charset_)
            .shortened(kLongestKeyLabel)
            .text();
      }));
    }
    table.row(cells("key", [](size_t k) { return formatted("{}", k); }));
    table.row(
        cells("logit", [&](size_t k) { return logit_text(row_.before[k]); }));
    table.row(
        cells("masked", [&](size_t k) { return logit_text(row_.masked[k]); }));
    table.row(cells("weight", [&](size_t k) {
      return is_masked(row_.masked[k]) ? "0"
                                       : formatted("{:.3f}", row_.weights[k]);
    }));
    return table.text(1);
  }

  std::string query() const {
    return row_.query.empty() ? formatted("query {}", row_.row.q)
                              : formatted("query {} \"{}\"", row_.row.q,
                                          Label(row_.query, charset_).text());
  }

 private:
  template <typename Cell>
  std::vector<std::string> cells(std::string head, Cell cell) const {
    std::vector<std::string> result = {std::move(head)};
    const std::string gap = charset_ == Charset::unicode ? "\u2026" : "..";
    for (const int64_t k : keys_) {
      result.push_back(k == kGap ? gap : cell(static_cast<size_t>(k)));
    }
    return result;
  }

  const LogitRow& row_;
  Charset charset_;
  std::vector<int64_t> keys_;
};

// What becomes of a query that is padding itself.
std::string_view fate_of(const LogitRow& row) {
  if (std::ranges::all_of(row.masked, is_masked)) {
    return "sees nothing, because this mask hides its row as well; its output "
           "is 0.";
  }
  if (is_masked(row.masked[static_cast<size_t>(row.row.q)])) {
    return "still attends to what it may see, though as a key it is masked.\n"
           "Leave its output out of the loss.";
  }
  return "attends to what it may see, and this mask leaves it visible as a "
         "key, "
         "too:\npadding(token_ids) would hide it.";
}

std::string padded_row_text(const LogitRow& row, Charset charset) {
  const RowText text(row, charset);
  return formatted(
      "\nA padding mask hides columns (keys), not the padded query's own row:\n"
      "{} {}\n\n{}",
      text.query(), fate_of(row), text.text());
}

}  // namespace
}  // namespace detail

std::string to_string(const ShapeWalk& walk, Charset charset) {
  const detail::RowText row(walk.row, charset);
  std::string text = detail::formatted(
      "From token ids to attention weights\n\n{}\n"
      "How the masks meet the logits: axes align at the right; one that is 1 "
      "or missing repeats\n\n{}\n"
      "One row of logits: batch {}, head {}, {}\n{}\n\n{}",
      detail::steps_text(walk, charset), detail::alignment_text(walk, charset),
      walk.row.row.batch, walk.row.row.head, row.query(),
      walk.made_up ? "The embedding is made up for illustration, and so are "
                     "these numbers."
                   : "The numbers are those of q and k, without bias.",
      row.text());
  if (walk.padded_row) {
    text += detail::padded_row_text(*walk.padded_row, charset);
  }
  return text;
}

}  // namespace maskwise
