#include "layers/token_batch.h"

#include <utility>

#include "base/fail.h"
#include "layers/rows.h"
#include "layers/token_ids.h"

namespace maskwise::nn::detail {

int64_t batch_of(std::string_view operation, const TokenBatch& batch) {
  check_token_ids(operation, batch.ids);
  return batch.ids.dim(0);
}

void check_kept_rows(std::string_view operation, const TokenBatch& batch,
                     const Tensor& kept, int64_t features) {
  check_kept(operation, "a result", kept,
             {batch.ids.dim(0), batch.ids.dim(1), features});
}

void check_gradient(std::string_view operation, const TensorView& d_logits,
                    const Shape& expected) {
  if (d_logits.defined() && d_logits.shape() == expected) return;
  maskwise::detail::fail(
      ErrorCode::shape_mismatch, operation,
      "expected d_logits of shape {}, got {}", to_string(expected),
      d_logits.defined() ? to_string(d_logits.shape()) : "nothing");
}

TokenRows rows_of(const TokenBatch& batch, int64_t pad) {
  if (!batch.rows.sentences.empty() && !batch.rows.positions.empty()) {
    return batch.rows;
  }
  TokenRows natural = token_rows(batch.ids, pad);
  TokenRows rows = batch.rows;
  if (rows.sentences.empty()) rows.sentences = std::move(natural.sentences);
  if (rows.positions.empty()) rows.positions = std::move(natural.positions);
  return rows;
}

MaskPlan compiled(const Mask& mask, const TensorView& queries,
                  const TensorView& keys, int64_t heads) {
  return compile(mask.bind({.batch = queries.dim(0),
                            .heads = heads,
                            .q_len = queries.dim(1),
                            .kv_len = keys.dim(1)}));
}

}  // namespace maskwise::nn::detail
