// Text with values in it. fmt's headers check the format at compile time; its
// implementation is compiled once, in format.cc, because it is large.
#ifndef MASKWISE_BASE_FORMAT_H_
#define MASKWISE_BASE_FORMAT_H_

#include <fmt/core.h>

#include <string>
#include <string_view>

namespace maskwise::detail {

std::string format_erased(fmt::string_view text, fmt::format_args args);

// fmt::format(text, args...).
template <typename... Args>
std::string formatted(fmt::format_string<Args...> text, Args&&... args) {
  return format_erased(text, fmt::make_format_args(args...));
}

// The values, each as "{}" prints it, with `separator` between them.
template <typename Values>
std::string joined(const Values& values, std::string_view separator) {
  std::string out;
  std::string_view before;
  for (const auto& value : values) {
    out += formatted("{}{}", before, value);
    before = separator;
  }
  return out;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_FORMAT_H_
