// Layers that read tokens as they come: each token's row is computed once, its
// keys and values are kept.
#ifndef MASKWISE_LAYERS_CACHED_LAYERS_H_
#define MASKWISE_LAYERS_CACHED_LAYERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "layers/elementwise.h"
#include "maskwise/kv_cache.h"
#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/multi_head_attention.h"
#include "maskwise/nn/transformer_layers.h"
#include "maskwise/tensor.h"

namespace maskwise::nn::detail {

// The tokens of a step, R of them in `batch` sequences.
struct StepRows {
  std::vector<int64_t> sequences;  // [R], of each token
  std::vector<int64_t> slots;      // [R], among [batch, longest] rows
  std::vector<int64_t> positions;  // [R], in its sequence
  std::vector<int64_t> counts;     // [batch], tokens of each sequence
  int64_t longest = 0;             // of the counts

  int64_t count() const { return std::ssize(sequences); }
  int64_t batch() const { return std::ssize(counts); }
};

// Tokens appended to sequences of these lengths: `sequences` of each token, the
// tokens of one in their order.
StepRows step_rows(const std::vector<int64_t>& sequences,
                   const std::vector<int64_t>& lengths);

// Self-attention with its cache. The plan is of the longest sequences, as for
// attention() over a KvCache.
class CachedSelfAttention {
 public:
  CachedSelfAttention(const MultiHeadAttention& layer, int64_t batch,
                      int64_t max_length);

  // x: [R, E] -> y: [R, E]; the step's keys and values are appended.
  Tensor forward(const Tensor& x, const StepRows& rows, const MaskPlan& plan,
                 const Compute& compute);

  void select(const std::vector<int64_t>& from) { cache_.select(from); }

 private:
  const MultiHeadAttention* layer_;
  KvCache cache_;
};

// Cross-attention to a memory whose keys and values are computed once. Each
// batch item of the memory is read by `share` sequences, one after the other.
class CachedCrossAttention {
 public:
  // memory: [B, Lk, E].
  CachedCrossAttention(const MultiHeadAttention& layer, const Tensor& memory,
                       int64_t share, const Compute& compute);

  // x: [R, E] -> y: [R, E], under the plan of [B, H, share * rows.longest, Lk].
  Tensor forward(const Tensor& x, const StepRows& rows, const MaskPlan& plan,
                 const Compute& compute) const;

 private:
  const MultiHeadAttention* layer_;
  Tensor kv_;  // [B, Lk, 2, Hkv, D]
  int64_t share_;
};

// x + f(x) in a layer's order of norms.
template <typename Function>
Tensor residual_rows(const Tensor& x, const Norm& norm, NormOrder order,
                     Function f) {
  if (order == NormOrder::post) return norm.forward(sum_of(x, f(x)));
  return sum_of(x, f(norm.forward(x)));
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_CACHED_LAYERS_H_
