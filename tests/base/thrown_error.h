// What a call throws, for tests of errors.
#ifndef MASKWISE_TESTS_BASE_THROWN_ERROR_H_
#define MASKWISE_TESTS_BASE_THROWN_ERROR_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>

#include "maskwise/error.h"

namespace maskwise::testing {

// The Error that `call` throws; nothing when it returns.
template <typename Call>
std::optional<Error> thrown_by(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// `call` throws Error(code) with one printable line that begins with "[" and
// holds `fragment`.
template <typename Call>
::testing::AssertionResult throws_error(ErrorCode code,
                                        const std::string& fragment,
                                        Call call) {
  const std::optional<Error> error = thrown_by(call);
  if (!error) return ::testing::AssertionFailure() << "nothing was thrown";
  const std::string message = error->what();
  const bool one_line = std::ranges::none_of(message, [](char c) {
    return (static_cast<unsigned char>(c) < 0x20) || c == 0x7F;
  });
  if (error->code() == code && one_line && message.starts_with('[') &&
      message.find(fragment) != std::string::npos) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure()
         << "expected one line with \"" << fragment << "\" and code "
         << static_cast<int>(code) << ", got code "
         << static_cast<int>(error->code()) << ": " << message.substr(0, 500);
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_BASE_THROWN_ERROR_H_
