// How text becomes symbols, and symbols text.
#include <algorithm>

#include "base/fail.h"
#include "maskwise/nn/vocabulary.h"
#include "training/utf8.h"

namespace maskwise::nn {

Split split_for(const std::vector<std::string>& texts, double share) {
  const auto spaced = std::ranges::count_if(texts, [](const std::string& text) {
    return text.find(' ') != std::string::npos;
  });
  const double most = share * static_cast<double>(texts.size());
  return static_cast<double>(spaced) > most ? Split::blanks : Split::characters;
}

std::vector<std::string> split_text(std::string_view text, Split split) {
  if (const auto bad = detail::first_bad_byte(text)) {
    maskwise::detail::fail(
        ErrorCode::invalid_argument, "split_text",
        "byte {} of the text, 0x{:02x}, is not UTF-8; expected UTF-8, convert "
        "the text",
        *bad + 1, static_cast<unsigned char>(text[*bad]));
  }
  std::vector<std::string> symbols;
  while (!text.empty()) {
    const size_t size = split == Split::characters
                            ? detail::character_size(text)
                            : std::min(text.find(' '), text.size());
    if (size > 0) symbols.emplace_back(text.substr(0, size));
    // The space goes, too.
    const size_t gone = split == Split::characters ? size : size + 1;
    text.remove_prefix(std::min(gone, text.size()));
  }
  return symbols;
}

std::string join_symbols(const std::vector<std::string>& symbols, Split split) {
  std::string text;
  for (const std::string& symbol : symbols) {
    if (split == Split::blanks && !text.empty()) text += ' ';
    text += symbol;
  }
  return text;
}

}  // namespace maskwise::nn
