// Token ids as layers read them.
#ifndef MASKWISE_LAYERS_TOKEN_IDS_H_
#define MASKWISE_LAYERS_TOKEN_IDS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// The ids of [B, L], row-major. Throws Error "[operation] expected token ids
// ..." when they have another rank or are no i32 or i64.
std::vector<int64_t> token_ids(std::string_view operation,
                               const TensorView& ids);

// `rows` for x of shape [batch, length, ...], with what it leaves out filled
// in. Throws Error when it is of another number of rows, or a position is
// negative.
TokenRows rows_for(std::string_view operation, const TokenRows& rows,
                   int64_t batch, int64_t length);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_TOKEN_IDS_H_
