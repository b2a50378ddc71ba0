// Products of rows with a weight matrix, for layers whose weights are parts of
// a larger matrix, too.
#ifndef MASKWISE_LAYERS_LINEAR_ROWS_H_
#define MASKWISE_LAYERS_LINEAR_ROWS_H_

#include <cstdint>

#include "maskwise/nn/module.h"

namespace maskwise::nn::detail {

// `count` rows of `width` numbers, `step` numbers from one to the next.
template <typename Float>
struct RowSpan {
  Float* data = nullptr;
  int64_t count = 0;
  int64_t width = 0;
  int64_t step = 0;
};
using ConstRows = RowSpan<const float>;
using MutableRows = RowSpan<float>;

// W [outputs, inputs], dense, and b [outputs], or null: none.
struct Weights {
  const float* weight = nullptr;
  const float* bias = nullptr;
};
struct WeightGradients {
  float* weight = nullptr;
  float* bias = nullptr;
};

// y = x W^T + b.
void multiply_rows(const ConstRows& x, const Weights& weights,
                   const MutableRows& y, const Compute& compute);

// d_x = d_y W, or d_x + d_y W.
enum class Into { fresh, sum };
void multiply_rows_back(const ConstRows& d_y, const float* weight,
                        const MutableRows& d_x, Into into,
                        const Compute& compute);

// Adds d_y^T x to the gradient of W, the sums of d_y to that of b.
void add_weight_gradients(const ConstRows& x, const ConstRows& d_y,
                          const WeightGradients& gradients,
                          const Compute& compute);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_LINEAR_ROWS_H_
