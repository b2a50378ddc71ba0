// What the JSON library says is wrong, for people.
#ifndef MASKWISE_BASE_JSON_REASON_H_
#define MASKWISE_BASE_JSON_REASON_H_

#include <string_view>

namespace maskwise::detail {

// "parse error at line 1, column 3: text", where the library says
// "[json.exception.parse_error.101] parse error at line 1, column 3: text".
inline std::string_view json_reason(std::string_view what) {
  const size_t end = what.find("] ");
  return what.starts_with("[json.") && end != what.npos ? what.substr(end + 2)
                                                        : what;
}

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_JSON_REASON_H_
