#include "text_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>

namespace maskwise::cli {
namespace {

// B * L of a text: far more than a person reads, and 32 MiB of ids.
constexpr size_t kMostTokens = size_t{1} << 22;

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::io, fmt::format("[text] '{}': {}", path, what));
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Bytes of the UTF-8 character that `text` begins with; 0 when it is none.
// Bounds: Unicode 15, table 3-7 (no overlong forms, no surrogates).
size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const size_t size = lead < 0xC2   ? 0
                      : lead < 0xE0 ? 2
                      : lead < 0xF0 ? 3
                      : lead < 0xF5 ? 4
                                    : 0;
  if (size == 0 || text.size() < size) return 0;
  if (!std::all_of(text.begin() + 1, text.begin() + static_cast<int>(size),
                   is_continuation)) {
    return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool too_low =
      (lead == 0xE0 && second < 0xA0) || (lead == 0xF0 && second < 0x90);
  const bool too_high =
      (lead == 0xED && second > 0x9F) || (lead == 0xF4 && second > 0x8F);
  return too_low || too_high ? 0 : size;
}

void check_characters(const std::string& path, std::string_view text) {
  size_t line = 1;
  while (!text.empty()) {
    const size_t size = character_size(text);
    if (size == 0) {
      fail(path, fmt::format("line {} is not UTF-8; it holds the byte 0x{:02x}",
                             line, static_cast<unsigned char>(text[0])));
    }
    if (text[0] == '\0') {
      fail(path, fmt::format("line {} holds a NUL byte; expected text", line));
    }
    line += text[0] == '\n' ? 1 : 0;
    text.remove_prefix(size);
  }
}

// Takes the text up to the next of `ends` off `text`, that one included.
std::string_view take_until(std::string_view& text, std::string_view ends) {
  const size_t end = std::min(text.find_first_of(ends), text.size());
  const std::string_view taken = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return taken;
}

// The blank of Chinese and Japanese text, which no byte of kBlanks is.
std::string with_ideographic_blanks_plain(std::string text) {
  constexpr std::string_view kIdeographicBlank = "\xE3\x80\x80";  // U+3000
  size_t at = 0;
  while ((at = text.find(kIdeographicBlank, at)) != std::string::npos) {
    text.replace(at, kIdeographicBlank.size(), "   ");
  }
  return text;
}

std::vector<std::vector<std::string>> split(std::string_view text) {
  std::vector<std::vector<std::string>> sentences;
  while (!text.empty()) {
    std::string_view line = take_until(text, "\n");
    std::vector<std::string> sentence;
    while (!line.empty()) {
      const std::string_view token = take_until(line, kBlanks);
      if (!token.empty()) sentence.emplace_back(token);
    }
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
  }
  return sentences;
}

void pad(const std::string& path,
         std::vector<std::vector<std::string>>& sentences) {
  size_t length = 1;
  for (const auto& sentence : sentences) {
    length = std::max(length, sentence.size());
  }
  if (sentences.size() > kMostTokens / length) {
    fail(path, fmt::format("{} sentences of up to {} tokens; expected at most "
                           "{} in all, padding included",
                           sentences.size(), length, kMostTokens));
  }
  for (auto& sentence : sentences) {
    sentence.resize(length, std::string(kPadToken));
  }
}

Tensor number(const std::vector<std::vector<std::string>>& sentences) {
  std::map<std::string_view, int64_t> vocabulary = {{kPadToken, 0}};
  std::vector<int64_t> ids;
  for (const auto& sentence : sentences) {
    for (const std::string& token : sentence) {
      const auto next = static_cast<int64_t>(vocabulary.size());
      ids.push_back(vocabulary.emplace(token, next).first->second);
    }
  }
  return Tensor::from({static_cast<int64_t>(sentences.size()),
                       static_cast<int64_t>(sentences[0].size())},
                      ids);
}

}  // namespace

TokenBatch load_sentences(const std::string& path) {
  std::string text = load_text(path);
  check_characters(path, text);
  text = with_ideographic_blanks_plain(std::move(text));
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) {
    rest.remove_prefix(kByteOrderMark.size());
  }
  TokenBatch batch;
  batch.tokens = split(rest);
  if (batch.tokens.empty()) {
    fail(path, "there is no token in it; expected one sentence a line");
  }
  pad(path, batch.tokens);
  batch.ids = number(batch.tokens);
  return batch;
}

}  // namespace maskwise::cli
