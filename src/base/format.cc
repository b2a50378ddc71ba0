// The one place that compiles fmt's implementation.
#define FMT_HEADER_ONLY
#include "base/format.h"

#include <fmt/format.h>

namespace maskwise::detail {

std::string format_erased(fmt::string_view text, fmt::format_args args) {
  return fmt::vformat(text, args);
}

}  // namespace maskwise::detail
