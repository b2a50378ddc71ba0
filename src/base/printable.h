// Text from users and files, made safe for a one-line message.
#ifndef MASKWISE_BASE_PRINTABLE_H_
#define MASKWISE_BASE_PRINTABLE_H_

#include <string>
#include <string_view>

namespace maskwise::detail {

// Bytes of a name or word that a message shows.
inline constexpr size_t kLongestShownName = 64;

// Linux opens no path that is longer, so a path is always shown whole.
inline constexpr size_t kLongestShownPath = 4096;

// `text` with control, format and unassigned characters, and bytes that are
// not UTF-8, written as escapes; what lies beyond `limit` bytes is "...".
std::string printable(std::string_view text, size_t limit = kLongestShownName);

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_PRINTABLE_H_
