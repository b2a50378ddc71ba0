#include "mask/length_checks.h"

#include "base/fail.h"

namespace maskwise::detail {

void check_is_list(std::string_view word, const PerBatch& value) {
  if (!value.single()) return;
  fail(ErrorCode::invalid_argument, "mask",
       "{}: expected one length for each batch item, as a list like [3,5] or "
       "a tensor [B], got the single number {}",
       word, value.values()[0]);
}

void check_lengths(std::string_view word, const std::vector<int64_t>& lengths,
                   int64_t limit) {
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (lengths[b] >= 0 && lengths[b] <= limit) continue;
    fail(ErrorCode::shape_mismatch, "mask",
         "{}: the length of batch item {} is {}; expected 0 to {}", word, b,
         lengths[b], limit);
  }
}

}  // namespace maskwise::detail
