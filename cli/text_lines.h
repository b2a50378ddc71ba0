// Texts of a file in errors: the file and the line they stand in.
#ifndef MASKWISE_CLI_TEXT_LINES_H_
#define MASKWISE_CLI_TEXT_LINES_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/error.h"
#include "maskwise/nn/text_model.h"

namespace maskwise::cli {

// A line of a file, counted from 1.
struct TextLine {
  const std::string& path;
  size_t number = 0;
};

// Throws the Error again, as "[operation] 'path', line 3: ...".
[[noreturn]] void fail_at(const TextLine& line, std::string_view operation,
                          const Error& error);

// Throws Error that names the file and the line of the first of its texts, one
// a line, that the model does not answer.
void check_texts(const nn::TextModel& model,
                 const std::vector<std::string>& texts,
                 nn::UnknownSymbols unknown, std::string_view operation,
                 const std::string& path);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TEXT_LINES_H_
