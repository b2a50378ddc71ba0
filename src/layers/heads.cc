#include "layers/heads.h"

namespace maskwise::nn::detail {
namespace {

// in_proj's rows from `first` on.
Weights projection(const MultiHeadAttention& layer, int64_t first) {
  return {layer.in_proj_weight.value.data<float>() + first * layer.features(),
          layer.in_proj_bias.value.data<float>() + first};
}

void turn(const MultiHeadAttention& layer, const MutableRows& rows,
          const RowPositions& positions, Turn way) {
  if (layer.rotary_base() == 0) return;
  rotate(rows, layer.head_dim(), layer.rotary_base(), positions, way);
}

}  // namespace

void project_queries(const MultiHeadAttention& layer, const ConstRows& x,
                     const RowPositions& positions, float* q,
                     const Compute& compute) {
  const int64_t width = layer.features();
  const MutableRows rows = {q, x.count, width, width};
  multiply_rows(x, projection(layer, 0), rows, compute);
  turn(layer, rows, positions, Turn::forward);
}

void project_keys(const MultiHeadAttention& layer, const ConstRows& memory,
                  const RowPositions& positions, float* kv,
                  const Compute& compute) {
  const int64_t width = layer.kv_heads() * layer.head_dim();
  multiply_rows(memory, projection(layer, layer.features()),
                {kv, memory.count, 2 * width, 2 * width}, compute);
  turn(layer, {kv, memory.count, width, 2 * width}, positions, Turn::forward);
}

TensorView part_of(const Tensor& kv, int64_t part) {
  const int64_t size = kv.dim(3) * kv.dim(4);
  return TensorView(kv.data<float>() + part * size, DType::f32,
                    {kv.dim(0), kv.dim(1), kv.dim(3), kv.dim(4)},
                    {kv.dim(1) * 2 * size, 2 * size, kv.dim(4), 1});
}

AttentionOptions options_for(const Compute& compute,
                             maskwise::Weights weights) {
  AttentionOptions options;
  options.layout = Layout::blhd;
  options.weights = weights;
  options.isa = compute.isa;
  options.threads = compute.threads;
  return options;
}

void turn_back(const MultiHeadAttention& layer, const RowPositions& positions,
               Tensor& d_heads) {
  const int64_t width = d_heads.dim(2) * d_heads.dim(3);
  turn(layer,
       {d_heads.mutable_data<float>(), d_heads.dim(0) * d_heads.dim(1), width,
        width},
       positions, Turn::back);
}

void project_back(const Projected& projected, Parameter& weight,
                  Parameter& bias, const RowTarget& target) {
  const auto& [d_heads, rows, first] = projected;
  const int64_t width = d_heads.dim(2) * d_heads.dim(3);
  const TensorView flat(d_heads.data<float>(), DType::f32,
                        {rows.count(), width});
  const Rows d_rows("multi_head_attention", "a gradient", flat, width);
  const std::vector<int64_t> present = rows_present(d_rows);
  const int64_t offset = first * rows.width();
  add_weight_gradients(ChosenRows(rows, present).span(),
                       ChosenRows(d_rows, present).span(),
                       {weight.gradient.mutable_data<float>() + offset,
                        bias.gradient.mutable_data<float>() + first},
                       target.compute);
  multiply_rows_back(d_rows.span(), weight.value.data<float>() + offset,
                     {target.d_rows.mutable_data<float>(), rows.count(),
                      rows.width(), rows.width()},
                     target.into, target.compute);
}

}  // namespace maskwise::nn::detail
