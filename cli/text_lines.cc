#include "text_lines.h"

#include <fmt/format.h>

namespace maskwise::cli {

void fail_at(const TextLine& line, std::string_view operation,
             const Error& error) {
  const std::string_view what = error.what();
  throw Error(error.code(),
              fmt::format("[{}] '{}', line {}: {}", operation, line.path,
                          line.number, what.substr(what.find("] ") + 2)));
}

void check_texts(const nn::TextModel& model,
                 const std::vector<std::string>& texts,
                 nn::UnknownSymbols unknown, std::string_view operation,
                 const std::string& path) {
  for (size_t i = 0; i < texts.size(); ++i) {
    try {
      model.encode_source(texts[i], unknown);
    } catch (const Error& error) {
      fail_at({path, i + 1}, operation, error);
    }
  }
}

}  // namespace maskwise::cli
