#include "charset.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

namespace maskwise::cli {

Charset charset_of(bool ascii) {
  if (ascii) return Charset::ascii;
  if (isatty(STDOUT_FILENO) == 0) return Charset::unicode;
  // The first of these that is set and not empty counts (POSIX, 8.2).
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = CLI::detail::to_lower(value);
    return locale.find("utf-8") != std::string::npos ||
                   locale.find("utf8") != std::string::npos
               ? Charset::unicode
               : Charset::ascii;
  }
  return Charset::ascii;
}

}  // namespace maskwise::cli
