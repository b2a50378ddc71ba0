#include "base/printable.h"

#include "base/format.h"

namespace maskwise::detail {
namespace {

// Undoes the one escape of fmt that only a text in double quotes needs.
std::string without_escaped_quotes(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 1 < text.size();
    if (escape && text[i + 1] != '"') plain += text[i++];
    if (escape && text[i] == '\\' && text[i + 1] == '"') ++i;
    plain += text[i];
  }
  return plain;
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string_view shown = text.substr(0, limit);
  if (shown.size() < text.size()) {
    // Not through the middle of a character: back to where the one that would
    // be cut begins. A character has at most 3 continuation bytes.
    size_t end = shown.size();
    for (int i = 0; i < 3 && end > 0 && (text[end] & 0xC0) == 0x80; ++i) --end;
    shown = shown.substr(0, end);
  }
  const std::string quoted = formatted("{:?}", shown);
  return without_escaped_quotes(
             std::string_view(quoted).substr(1, quoted.size() - 2)) +
         (shown.size() < text.size() ? "..." : "");
}

}  // namespace maskwise::detail
