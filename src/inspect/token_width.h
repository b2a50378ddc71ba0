// How wide a character stands in a terminal.
#ifndef MASKWISE_INSPECT_TOKEN_WIDTH_H_
#define MASKWISE_INSPECT_TOKEN_WIDTH_H_

namespace maskwise::detail {

// Columns of one code point: 0 when it joins the character before it (accents,
// variation selectors), 2 when it is wide (CJK, most emoji), else 1.
int columns_of(char32_t code_point);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_TOKEN_WIDTH_H_
