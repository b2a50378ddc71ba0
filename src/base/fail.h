// Raises the public Error with a formatted message. Only functions at the
// public border, or those that run on their behalf before any work is done,
// may call it.
#ifndef MASKWISE_BASE_FAIL_H_
#define MASKWISE_BASE_FAIL_H_

#include <string_view>
#include <utility>

#include "base/format.h"
#include "maskwise/error.h"

namespace maskwise::detail {

// Throws Error(code, "[operation] text").
template <typename... Args>
[[noreturn]] void fail(ErrorCode code, std::string_view operation,
                       fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, formatted("[{}] {}", operation,
                              formatted(text, std::forward<Args>(args)...)));
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_FAIL_H_
