#include "layers/token_batch.h"

#include <utility>

#include "layers/token_ids.h"

namespace maskwise::nn::detail {

int64_t batch_of(std::string_view operation, const TokenBatch& batch) {
  token_ids(operation, batch.ids);
  return batch.ids.dim(0);
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
