#include "layers/cached_layers.h"

#include <algorithm>

#include "layers/heads.h"
#include "layers/rows.h"

namespace maskwise::nn::detail {
namespace {

Tensor queries_of(const MultiHeadAttention& layer, const Tensor& x,
                  const StepRows& rows, const Compute& compute) {
  Tensor q = Tensor::unfilled(DType::f32, {x.dim(0), layer.features()});
  project_queries(layer, dense_rows(x), rows.positions, q.mutable_data<float>(),
                  compute);
  return q;
}

// [B, longest, H, D] of attention to y: [R, E].
Tensor projected(const MultiHeadAttention& layer, const Tensor& o,
                 const StepRows& rows, const Compute& compute) {
  const int64_t width = layer.features();
  const ConstRows each = {o.data<float>(), o.size() / width, width, width};
  return layer.out_proj.forward(
      gathered_rows(each, rows.slots, {rows.count(), width}), compute);
}

KvCacheOptions cache_of(const MultiHeadAttention& layer, int64_t batch,
                        int64_t max_length) {
  return {.batch = batch,
          .kv_heads = layer.kv_heads(),
          .head_dim = layer.head_dim(),
          .max_length = max_length};
}

}  // namespace

StepRows step_rows(const std::vector<int64_t>& sequences,
                   const std::vector<int64_t>& lengths) {
  StepRows rows;
  rows.sequences = sequences;
  rows.counts.assign(lengths.size(), 0);
  for (const int64_t sequence : sequences) {
    const auto at = static_cast<size_t>(sequence);
    rows.slots.push_back(rows.counts[at]);
    rows.positions.push_back(lengths[at] + rows.counts[at]);
    rows.longest = std::max(rows.longest, ++rows.counts[at]);
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    rows.slots[i] += sequences[i] * rows.longest;
  }
  return rows;
}

CachedSelfAttention::CachedSelfAttention(const MultiHeadAttention& layer,
                                         int64_t batch, int64_t max_length)
    : layer_(&layer), cache_(cache_of(layer, batch, max_length)) {}

Tensor CachedSelfAttention::forward(const Tensor& x, const StepRows& rows,
                                    const MaskPlan& plan,
                                    const Compute& compute) {
  const int64_t heads = layer_->heads();
  const int64_t kv_heads = layer_->kv_heads();
  const int64_t head_dim = layer_->head_dim();
  Tensor kv_rows =
      Tensor::unfilled(DType::f32, {rows.count(), 2 * kv_heads * head_dim});
  project_keys(*layer_, dense_rows(x), rows.positions,
               kv_rows.mutable_data<float>(), compute);
  const Tensor kv =
      scattered_rows(dense_rows(kv_rows), rows.slots,
                     {rows.batch(), rows.longest, 2, kv_heads, head_dim});
  cache_.append(part_of(kv, 0).permuted({0, 2, 1, 3}),
                part_of(kv, 1).permuted({0, 2, 1, 3}), rows.counts);
  const Tensor q =
      scattered_rows(dense_rows(queries_of(*layer_, x, rows, compute)),
                     rows.slots, {rows.batch(), rows.longest, heads, head_dim});
  const AttentionResult result =
      attention(q, cache_, plan, options_for(compute, maskwise::Weights::none));
  return projected(*layer_, result.o, rows, compute);
}

CachedCrossAttention::CachedCrossAttention(const MultiHeadAttention& layer,
                                           const Tensor& memory, int64_t share,
                                           const Compute& compute)
    : layer_(&layer),
      kv_(Tensor::unfilled(DType::f32, {memory.dim(0), memory.dim(1), 2,
                                        layer.kv_heads(), layer.head_dim()})),
      share_(share) {
  project_keys(layer, dense_rows(memory), {}, kv_.mutable_data<float>(),
               compute);
}

Tensor CachedCrossAttention::forward(const Tensor& x, const StepRows& rows,
                                     const MaskPlan& plan,
                                     const Compute& compute) const {
  const Tensor q = scattered_rows(
      dense_rows(queries_of(*layer_, x, rows, compute)), rows.slots,
      {kv_.dim(0), share_ * rows.longest, layer_->heads(), layer_->head_dim()});
  const AttentionResult result =
      attention(q, part_of(kv_, 0), part_of(kv_, 1), plan,
                options_for(compute, maskwise::Weights::none));
  return projected(*layer_, result.o, rows, compute);
}

}  // namespace maskwise::nn::detail
