// The one place that compiles fmt's implementation: CMakeLists.txt defines
// FMT_HEADER_ONLY for this file alone.
#include "base/format.h"

#include <fmt/format.h>

namespace maskwise::detail {

std::string format_erased(fmt::string_view text, fmt::format_args args) {
  return fmt::vformat(text, args);
}

}  // namespace maskwise::detail
