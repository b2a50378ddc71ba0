#include "inspect/token_label.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "base/printable.h"
#include "inspect/token_width.h"

namespace maskwise::detail {
namespace {

// Bytes of a token that are looked at: more than any drawing shows.
constexpr size_t kLongestToken = 1024;

// Carries marks that have no character to join.
constexpr std::string_view kDottedCircle = "\u25CC";

// The joiner between two emoji that are one picture, and as printable() shows
// it.
constexpr std::string_view kJoiner = "\u200D";
constexpr std::string_view kEscapedJoiner = "\\u200d";

// Arrows, signs and emoji: what a joiner stands between.
bool is_pictograph(char32_t code_point) {
  return (code_point >= 0x2190 && code_point <= 0x2BFF) ||
         (code_point >= 0x1F000 && code_point <= 0x1FAFF);
}

bool is_skin_tone(char32_t code_point) {
  return code_point >= 0x1F3FB && code_point <= 0x1F3FF;
}

// In the form that printable() gives.
std::string escape_of(char32_t code_point) {
  const auto number = static_cast<uint32_t>(code_point);
  return number < 0x10000 ? formatted("\\u{:04x}", number)
                          : formatted("\\U{:08x}", number);
}

void check_side(std::string_view side, const LabelLists& lists, int64_t batch,
                int64_t length) {
  if (lists.empty()) return;
  if (static_cast<int64_t>(lists.size()) != batch) {
    fail(ErrorCode::shape_mismatch, "labels",
         "expected a list of {} tokens for each of the {} batch items, got {} "
         "lists",
         side, batch, lists.size());
  }
  for (size_t b = 0; b < lists.size(); ++b) {
    const auto found = static_cast<int64_t>(lists[b].size());
    if (found == 0 || found == length) continue;
    fail(ErrorCode::shape_mismatch, "labels",
         "expected {} {} tokens for batch item {}, got {}", length, side, b,
         found);
  }
}

}  // namespace

std::string blanks(int64_t count) {
  return std::string(static_cast<size_t>(std::max<int64_t>(count, 0)), ' ');
}

Label::Label(std::string_view text, Charset charset) : charset_(charset) {
  const std::string plain = printable(text, kLongestToken);
  std::string_view rest = plain;
  bool after_pictograph = false;
  while (!rest.empty()) {
    if (after_pictograph && take_joined(rest)) continue;
    const std::string_view before = rest;
    const char32_t code_point = take_code_point(rest);
    std::string bytes(before.substr(0, before.size() - rest.size()));
    const int64_t columns = columns_of(code_point);
    // A variation selector leaves it a pictograph.
    if (columns > 0) after_pictograph = is_pictograph(code_point);
    if (code_point >= 0x80 && charset == Charset::ascii) {
      for (const char c : escape_of(code_point)) {
        glyphs_.push_back({std::string(1, c), 1});
      }
    } else if (columns > 0) {
      glyphs_.push_back({std::move(bytes), columns});
    } else if (glyphs_.empty()) {
      glyphs_.push_back({std::string(kDottedCircle) + bytes, 1});
    } else {
      glyphs_.back().bytes += bytes;
    }
  }
}

bool Label::take_joined(std::string_view& rest) {
  if (charset_ == Charset::ascii) return false;
  const bool joiner = rest.starts_with(kEscapedJoiner);
  const std::string_view next = rest.substr(joiner ? kEscapedJoiner.size() : 0);
  std::string_view after = next;
  if (next.empty()) return false;
  const char32_t code_point = take_code_point(after);
  if (joiner ? !is_pictograph(code_point) : !is_skin_tone(code_point)) {
    return false;
  }
  Glyph& glyph = glyphs_.back();
  if (joiner) glyph.bytes += kJoiner;
  glyph.bytes += next.substr(0, next.size() - after.size());
  glyph.columns = std::max<int64_t>(glyph.columns, columns_of(code_point));
  rest = after;
  return true;
}

Label Label::first(int64_t most) const {
  Label result;
  result.charset_ = charset_;
  int64_t taken = 0;
  for (const Glyph& glyph : glyphs_) {
    taken += glyph.columns;
    if (taken > most) break;
    result.glyphs_.push_back(glyph);
  }
  return result;
}

Label Label::shortened(int64_t most) const {
  if (columns() <= most) return *this;
  const Glyph ellipsis =
      charset_ == Charset::unicode ? Glyph{"\u2026", 1} : Glyph{"..", 2};
  Label result = first(most - ellipsis.columns);
  result.glyphs_.push_back(ellipsis);
  return result;
}

int64_t Label::columns() const {
  int64_t sum = 0;
  for (const Glyph& glyph : glyphs_) sum += glyph.columns;
  return sum;
}

std::string Label::text() const {
  std::string text;
  for (const Glyph& glyph : glyphs_) text += glyph.bytes;
  return text;
}

std::string Label::at_left(int64_t width) const {
  return text() + blanks(width - columns());
}

std::string Label::at_right(int64_t width) const {
  return blanks(width - columns()) + text();
}

Label token_label(std::string_view token, Charset charset) {
  if (token.empty()) return Label("\"\"", charset);
  const std::string_view blank = charset == Charset::unicode ? "\u2423" : "_";
  std::string visible;
  for (const char c : token) {
    if (c == ' ') {
      visible += blank;
    } else {
      visible += c;
    }
  }
  return Label(visible, charset);
}

bool can_show(std::string_view token, Charset charset) {
  return charset == Charset::unicode || std::ranges::all_of(token, [](char c) {
           return static_cast<unsigned char>(c) < 0x80;
         });
}

bool has_labels(const LabelLists& lists, int64_t b) {
  return !lists.empty() && !lists[static_cast<size_t>(b)].empty();
}

std::string_view label_at(const LabelLists& lists, int64_t b, int64_t i) {
  if (!has_labels(lists, b)) return {};
  return lists[static_cast<size_t>(b)][static_cast<size_t>(i)];
}

void check_labels(const TokenLabels& labels, const AttentionShape& shape) {
  check_side("query", labels.q, shape.batch, shape.q_len);
  check_side("key", labels.k, shape.batch, shape.kv_len);
}

}  // namespace maskwise::detail
