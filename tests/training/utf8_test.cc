#include "training/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace maskwise::nn::detail {
namespace {

std::string encoded(uint32_t point) {
  const auto low = [&](int shift) {
    return static_cast<char>(0x80 | ((point >> shift) & 0x3F));
  };
  const auto lead = [&](uint32_t mark, int shift) {
    return static_cast<char>(mark | (point >> shift));
  };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {lead(0xC0, 6), low(0)};
  if (point < 0x10000) return {lead(0xE0, 12), low(6), low(0)};
  return {lead(0xF0, 18), low(12), low(6), low(0)};
}

// Every code point there is, and those that there are not.
TEST(Utf8, EveryCodePointIsOneCharacterAndSurrogatesAreNone) {
  for (uint32_t point = 0; point < 0x120000; ++point) {
    const std::string text = encoded(point);
    const bool surrogate = point >= 0xD800 && point < 0xE000;
    const bool exists = !surrogate && point < 0x110000;
    ASSERT_EQ(character_size(text + "x"), exists ? text.size() : 0) << point;
    if (text.size() == 1) continue;
    // Cut off, and with another byte in the place of the last.
    std::string cut = text.substr(0, text.size() - 1);
    ASSERT_EQ(character_size(cut), 0U) << point;
    ASSERT_EQ(character_size(cut + "x"), 0U) << point;
  }
}

TEST(Utf8, OverlongFormsAndStrayBytesAreNone) {
  for (const char* bytes :
       {"\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\x80",
        "\xBF", "\xF8\x88", "\xFE", "\xFF"}) {
    EXPECT_EQ(character_size(bytes), 0U) << bytes;
  }
}

TEST(Utf8, TheFirstBadByteIsFound) {
  EXPECT_EQ(first_bad_byte(""), std::nullopt);
  EXPECT_EQ(first_bad_byte("größe 😀"), std::nullopt);
  EXPECT_EQ(first_bad_byte("ö\xFFx"), 2U);
  EXPECT_EQ(first_bad_byte("abc\xE2\x82"), 3U);
}

}  // namespace
}  // namespace maskwise::nn::detail
