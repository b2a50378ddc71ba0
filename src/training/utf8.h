// Where the characters of UTF-8 text begin and end.
#ifndef MASKWISE_TRAINING_UTF8_H_
#define MASKWISE_TRAINING_UTF8_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace maskwise::nn::detail {

// Bytes of the character that `text`, which is not empty, begins with; 0 when
// it is none: overlong forms, surrogates and what is above U+10FFFF, too.
size_t character_size(std::string_view text);

// Where the first byte stands that begins no character.
std::optional<size_t> first_bad_byte(std::string_view text);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_UTF8_H_
