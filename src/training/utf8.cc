#include "training/utf8.h"

#include <algorithm>

namespace maskwise::nn::detail {
namespace {

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

size_t size_by_lead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a continuation, or an overlong form
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

}  // namespace

// Bounds of the second byte: Unicode 15, table 3-7.
size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const size_t size = size_by_lead(lead);
  if (size < 2) return size;
  if (text.size() < size) return 0;
  const std::string_view rest = text.substr(1, size - 1);
  if (!std::ranges::all_of(rest, is_continuation)) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool too_low =
      (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool too_high =
      (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return too_low || too_high ? 0 : size;
}

std::optional<size_t> first_bad_byte(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t size = character_size(text.substr(at));
    if (size == 0) return at;
    at += size;
  }
  return std::nullopt;
}

}  // namespace maskwise::nn::detail
