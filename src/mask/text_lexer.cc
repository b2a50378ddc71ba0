#include "mask/text_lexer.h"

#include <cctype>
#include <charconv>
#include <system_error>

#include "base/printable.h"
#include "mask/word_hints.h"

namespace maskwise::detail {
namespace {

constexpr std::string_view kSymbols = "()[],=&|~";
constexpr std::string_view kBlanks = " \t\r\n";

// Names of tensors may hold dots, as PyTorch's do.
bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0 ||
         c == '.';
}
bool is_digit(char c) {
  return std::isdigit(static_cast<unsigned char>(c)) != 0;
}

// The UTF-8 character that `text` begins with; other bytes as they come.
std::string_view first_character(std::string_view text) {
  constexpr size_t kLongest = 4;
  size_t size = 1;
  while (size < kLongest && size < text.size() &&
         (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) {
    ++size;
  }
  return text.substr(0, size);
}

}  // namespace

std::string describe(const Token& token) {
  if (token.kind == TokenKind::end) return "the end of the text";
  return formatted("'{}'", printable(token.text));
}

Token Lexer::next() {
  const Token current = token_;
  token_ = read();
  return current;
}

Token Lexer::read() {
  at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
  const size_t begin = at_;
  const auto column = static_cast<int64_t>(begin) + 1;
  if (begin == text_.size()) return {TokenKind::end, "", 0, column};
  const char c = text_[begin];
  if (kSymbols.find(c) != std::string_view::npos) {
    ++at_;
    return {TokenKind::symbol, text_.substr(begin, 1), 0, column};
  }
  if (is_name_start(c)) {
    while (at_ < text_.size() && is_name_part(text_[at_])) ++at_;
    return {TokenKind::name, text_.substr(begin, at_ - begin), 0, column};
  }
  if (is_digit(c) || c == '-') return read_integer(begin);
  const std::string_view found = first_character(text_.substr(begin));
  fail_at(column,
          "found '{}'; expected a mask word, a name, a whole number or one of "
          "( ) [ ] , = & | ~{}",
          printable(found), operator_hint(found));
}

Token Lexer::read_integer(size_t begin) {
  const auto column = static_cast<int64_t>(begin) + 1;
  ++at_;
  while (at_ < text_.size() &&
         (is_name_part(text_[at_]) || text_[at_] == '-')) {
    ++at_;
  }
  const std::string_view digits = text_.substr(begin, at_ - begin);
  int64_t value = 0;
  const auto [end, status] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (status == std::errc::result_out_of_range) {
    fail_at(column, "the number {} is beyond 64 bits; expected {} to {}",
            printable(digits), INT64_MIN, INT64_MAX);
  }
  if (status != std::errc() || end != digits.data() + digits.size()) {
    fail_at(column, "found '{}'; expected a whole number", printable(digits));
  }
  return {TokenKind::integer, digits, value, column};
}

}  // namespace maskwise::detail
