#include "layers/cached_layers.h"

#include <algorithm>

#include "layers/heads.h"

namespace maskwise::nn::detail {
namespace {

// Where token i of a step lies among [B, longest] rows.
int64_t slot_of(const StepRows& rows, int64_t i) {
  const auto row = static_cast<size_t>(i);
  return rows.sequences[row] * rows.longest + rows.indexes[row];
}

// [R, ...] -> [batch, longest, ...], zero where a sequence has fewer tokens.
Tensor spread(const Tensor& from, const StepRows& rows, const Shape& shape) {
  Tensor to(DType::f32, shape);
  const int64_t width = rows.count() == 0 ? 0 : from.size() / rows.count();
  for (int64_t i = 0; i < rows.count(); ++i) {
    std::copy_n(from.data<float>() + i * width, width,
                to.mutable_data<float>() + slot_of(rows, i) * width);
  }
  return to;
}

// Back to [R, width].
Tensor gathered(const Tensor& from, const StepRows& rows, int64_t width) {
  Tensor to(DType::f32, {rows.count(), width});
  for (int64_t i = 0; i < rows.count(); ++i) {
    std::copy_n(from.data<float>() + slot_of(rows, i) * width, width,
                to.mutable_data<float>() + i * width);
  }
  return to;
}

ConstRows rows_of(const Tensor& x) {
  return {x.data<float>(), x.dim(0), x.dim(1), x.dim(1)};
}

Tensor queries_of(const MultiHeadAttention& layer, const Tensor& x,
                  const StepRows& rows, const Compute& compute) {
  Tensor q(DType::f32, {x.dim(0), layer.features()});
  project_queries(layer, rows_of(x), rows.positions, q.mutable_data<float>(),
                  compute);
  return q;
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
    rows.indexes.push_back(rows.counts[at]);
    rows.positions.push_back(lengths[at] + rows.counts[at]);
    rows.longest = std::max(rows.longest, ++rows.counts[at]);
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
  Tensor kv_rows(DType::f32, {rows.count(), 2 * kv_heads * head_dim});
  project_keys(*layer_, rows_of(x), rows.positions,
               kv_rows.mutable_data<float>(), compute);
  const Tensor kv = spread(kv_rows, rows,
                           {rows.batch(), rows.longest, 2, kv_heads, head_dim});
  cache_.append(part_of(kv, 0).permuted({0, 2, 1, 3}),
                part_of(kv, 1).permuted({0, 2, 1, 3}), rows.counts);
  const Tensor q = spread(queries_of(*layer_, x, rows, compute), rows,
                          {rows.batch(), rows.longest, heads, head_dim});
  const AttentionResult result =
      attention(q, cache_, plan, options_for(compute, maskwise::Weights::none));
  return layer_->out_proj.forward(gathered(result.o, rows, layer_->features()),
                                  compute);
}

CachedCrossAttention::CachedCrossAttention(const MultiHeadAttention& layer,
                                           const Tensor& memory, int64_t share,
                                           const Compute& compute)
    : layer_(&layer),
      kv_(DType::f32, {memory.dim(0), memory.dim(1), 2, layer.kv_heads(),
                       layer.head_dim()}),
      share_(share) {
  const int64_t rows = memory.dim(0) * memory.dim(1);
  project_keys(layer,
               {memory.data<float>(), rows, memory.dim(2), memory.dim(2)}, {},
               kv_.mutable_data<float>(), compute);
}

Tensor CachedCrossAttention::forward(const Tensor& x, const StepRows& rows,
                                     const MaskPlan& plan,
                                     const Compute& compute) const {
  const Tensor q = spread(
      queries_of(*layer_, x, rows, compute), rows,
      {kv_.dim(0), share_ * rows.longest, layer_->heads(), layer_->head_dim()});
  const AttentionResult result =
      attention(q, part_of(kv_, 0), part_of(kv_, 1), plan,
                options_for(compute, maskwise::Weights::none));
  return layer_->out_proj.forward(gathered(result.o, rows, layer_->features()),
                                  compute);
}

}  // namespace maskwise::nn::detail
