#include "layers/token_batch.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/fail.h"
#include "layers/rows.h"
#include "layers/token_ids.h"
#include "mask/node.h"
#include "mask/token_ids.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::Node;

void collect_pads(const Node& node, std::vector<int64_t>& pads) {
  if (const auto* word =
          dynamic_cast<const maskwise::detail::TokenIds*>(&node)) {
    pads.push_back(word->pad_id());
  }
  for (const Node* part : node.inside()) collect_pads(*part, pads);
}

}  // namespace

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

void check_pad(std::string_view operation, const Mask& mask, int64_t pad) {
  std::vector<int64_t> pads;
  collect_pads(mask.node(), pads);
  if (pad < 0 || pads.empty() || std::ranges::find(pads, pad) != pads.end()) {
    return;
  }
  maskwise::detail::fail(
      ErrorCode::invalid_argument, operation,
      "a padding() mask of pad id {} for a model whose pad id is {}; expected "
      "the same",
      pads.front(), pad);
}

MaskPlan compiled(const Mask& mask, const TensorView& queries,
                  const TensorView& keys, int64_t heads) {
  return compile(mask.bind({.batch = queries.dim(0),
                            .heads = heads,
                            .q_len = queries.dim(1),
                            .kv_len = keys.dim(1)}));
}

}  // namespace maskwise::nn::detail
