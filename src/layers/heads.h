// Rows of features as the heads that attention reads, and gradients back.
#ifndef MASKWISE_LAYERS_HEADS_H_
#define MASKWISE_LAYERS_HEADS_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "layers/linear_rows.h"
#include "layers/positions.h"
#include "layers/rows.h"
#include "maskwise/attention.h"
#include "maskwise/nn/multi_head_attention.h"

namespace maskwise::nn::detail {

// Positions are those of the rows; read only by a layer with rotary positions,
// which turns its queries and keys by them.
using RowPositions = std::vector<int64_t>;

// x -> q [rows, H, D].
void project_queries(const MultiHeadAttention& layer, const ConstRows& x,
                     const RowPositions& positions, float* q,
                     const Compute& compute);

// memory -> keys and values [rows, 2, Hkv, D].
void project_keys(const MultiHeadAttention& layer, const ConstRows& memory,
                  const RowPositions& positions, float* kv,
                  const Compute& compute);

// Keys or values: part 0 or 1 of [B, L, 2, Hkv, D] as [B, L, Hkv, D].
TensorView part_of(const Tensor& kv, int64_t part);

// Of attention over heads that lie side by side in a row.
AttentionOptions options_for(const Compute& compute, maskwise::Weights weights);

// Turns gradients [..., heads, D] of what project_queries() or project_keys()
// turned; of a layer without rotary positions leaves them.
void turn_back(const MultiHeadAttention& layer, const RowPositions& positions,
               Tensor& d_heads);

// Where the gradient of the rows goes.
struct RowTarget {
  Tensor& d_rows;
  Into into = Into::fresh;
  const Compute& compute;
};

// Gradients of heads [B, L, H, D] that rows were projected to, by the rows of
// in_proj from `first` on.
struct Projected {
  const Tensor& d_heads;
  const Rows& rows;
  int64_t first = 0;
};

// Through the projection, into the gradients of the parameters and of the rows.
void project_back(const Projected& projected, Parameter& weight,
                  Parameter& bias, const RowTarget& target);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_HEADS_H_
