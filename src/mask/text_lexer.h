// Cuts the text of a mask into tokens.
#ifndef MASKWISE_MASK_TEXT_LEXER_H_
#define MASKWISE_MASK_TEXT_LEXER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/format.h"

namespace maskwise::detail {

// Throws Error "[mask] column N: ...". Columns count bytes from 1.
template <typename... Args>
[[noreturn]] void fail_at(int64_t column, fmt::format_string<Args...> text,
                          Args&&... args) {
  fail(ErrorCode::invalid_argument, "mask", "column {}: {}", column,
       formatted(text, std::forward<Args>(args)...));
}

enum class TokenKind { name, integer, symbol, end };

struct Token {
  TokenKind kind = TokenKind::end;
  std::string_view text;  // as it stands in the mask text
  int64_t value = 0;      // of an integer
  int64_t column = 1;

  bool is(char symbol) const {
    return kind == TokenKind::symbol && text[0] == symbol;
  }
};

// "'causl'", "the end of the text": a token as messages call it, shortened
// and without control characters.
std::string describe(const Token& token);

// Reads one token after another; next() moves on, peek() does not. Throws
// Error for a character or number that no token begins with.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) { next(); }

  const Token& peek() const { return token_; }
  Token next();

 private:
  Token read();
  Token read_integer(size_t begin);

  std::string_view text_;
  size_t at_ = 0;
  Token token_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_TEXT_LEXER_H_
