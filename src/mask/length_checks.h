// What lengths and q_lengths refuse.
#ifndef MASKWISE_MASK_LENGTH_CHECKS_H_
#define MASKWISE_MASK_LENGTH_CHECKS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "maskwise/mask.h"

namespace maskwise::detail {

// Throws Error when one number is given where one per batch item is wanted.
void check_is_list(std::string_view word, const PerBatch& value);

// Throws Error unless 0 <= length <= limit for every batch item.
void check_lengths(std::string_view word, const std::vector<int64_t>& lengths,
                   int64_t limit);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_LENGTH_CHECKS_H_
