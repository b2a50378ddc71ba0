// How wide a character stands in a terminal.
#ifndef MASKWISE_INSPECT_TOKEN_WIDTH_H_
#define MASKWISE_INSPECT_TOKEN_WIDTH_H_

#include <cstdint>
#include <string_view>

namespace maskwise::detail {

// Takes the first code point off `text`, which is UTF-8.
char32_t take_code_point(std::string_view& text);

// Columns of one code point: 0 when it joins the character before it (accents,
// variation selectors), 2 when it is wide (CJK, most emoji), else 1.
int columns_of(char32_t code_point);

// Those of a line of UTF-8.
int64_t columns_of(std::string_view line);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_TOKEN_WIDTH_H_
