// The frame of a Transformer's sublayers: x + f(x) with a norm before or after.
#ifndef MASKWISE_LAYERS_RESIDUAL_H_
#define MASKWISE_LAYERS_RESIDUAL_H_

#include "layers/elementwise.h"
#include "maskwise/nn/transformer_layers.h"

namespace maskwise::nn::detail {

// Keeps x and what f is applied to; returns the latter.
template <typename Step>
const Tensor& begin_step(Step& step, const TensorView& x, const Norm& norm,
                         NormOrder order) {
  step.x = Tensor::copy_of(x);
  if (order == NormOrder::post) return step.x;
  step.normed = norm.forward(step.x);
  return step.normed;
}

// Adds f(x) and makes y.
template <typename Step>
void finish_step(Step& step, const Tensor& f, const Norm& norm,
                 NormOrder order) {
  step.sum = sum_of(step.x, f);
  step.y = order == NormOrder::post ? norm.forward(step.sum) : step.sum;
}

// What f was applied to.
template <typename Step>
const Tensor& input_of(const Step& step, NormOrder order) {
  return order == NormOrder::post ? step.x : step.normed;
}

// The gradient of x, given that of y; back(d) is that of f's input.
template <typename Step, typename Back>
Tensor step_back(const Step& step, const TensorView& d_y, Norm& norm,
                 NormOrder order, Back back) {
  if (order == NormOrder::post) {
    const Tensor d_sum = norm.backward(step.sum, d_y);
    return sum_of(d_sum, back(d_sum));
  }
  const Tensor d_sum = Tensor::copy_of(d_y);
  return sum_of(d_sum, norm.backward(step.x, back(d_sum)));
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_RESIDUAL_H_
