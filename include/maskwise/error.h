// The one exception type of maskwise, thrown at the public border only.
#ifndef MASKWISE_ERROR_H_
#define MASKWISE_ERROR_H_

#include <stdexcept>
#include <string>

namespace maskwise {

// What kind of mistake an Error reports.
enum class ErrorCode {
  invalid_argument,  // a value, word or option that cannot be
  shape_mismatch,    // a tensor whose shape does not fit the others
  limit,             // more memory or depth than the stated cap
  io,                // a file that cannot be read, trusted or written
};

// An error that a caller can act on. The message is one line that begins with
// "[operation]" and names what was found, what was expected and what to do.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message)
      : std::runtime_error(message), code_(code) {}

  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace maskwise

#endif  // MASKWISE_ERROR_H_
