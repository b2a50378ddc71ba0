// Batches of token ids as models read them.
#ifndef MASKWISE_LAYERS_TOKEN_BATCH_H_
#define MASKWISE_LAYERS_TOKEN_BATCH_H_

#include <cstdint>
#include <string_view>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/nn/token_batch.h"
#include "maskwise/nn/token_rows.h"

namespace maskwise::nn::detail {

// B of ids [B, L]. Throws Error when they are no such ids.
int64_t batch_of(std::string_view operation, const TokenBatch& batch);

// What forward() kept of this batch, [B, L, E], and the gradient of what it
// gave for it, [B, L, V]: checked before backward() adds to any gradient.
// Throws Error when one has another shape.
void check_kept_rows(std::string_view operation, const TokenBatch& batch,
                     const Tensor& kept, int64_t features);
void check_gradient(std::string_view operation, const TensorView& d_logits,
                    const Shape& expected);

// The batch's rows, with what they leave out.
TokenRows rows_of(const TokenBatch& batch, int64_t pad);

// Throws Error when the mask's padding() takes other ids for padding than the
// model, by whose pad id embeddings and positions go; not for a model of which
// no id is padding, -1.
void check_pad(std::string_view operation, const Mask& mask, int64_t pad);

// The plan of a mask from queries [B, Lq] to keys [B, Lk].
MaskPlan compiled(const Mask& mask, const TensorView& queries,
                  const TensorView& keys, int64_t heads);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_TOKEN_BATCH_H_
