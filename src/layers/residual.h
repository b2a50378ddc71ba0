// The frame of a Transformer's sublayers: x + f(x) with a norm before or after.
#ifndef MASKWISE_LAYERS_RESIDUAL_H_
#define MASKWISE_LAYERS_RESIDUAL_H_

#include "layers/elementwise.h"
#include "maskwise/nn/transformer_layers.h"

namespace maskwise::nn::detail {

// What stands around f: the norm, where it stands, and what is dropped of f's
// result, for the tokens of a call.
template <typename NormLayer>
struct Frame {
  NormLayer& norm;
  NormOrder order;
  const Dropout& dropout;
  const TokenRows& tokens;

  Tensor dropped(const Tensor& f) const {
    return dropout.is_active(tokens) ? dropout.apply(f, tokens) : f;
  }
};

// Keeps x and what f is applied to; returns the latter.
template <typename Step>
const Tensor& begin_step(Step& step, const TensorView& x,
                         const Frame<const Norm>& frame) {
  step.x = Tensor::copy_of(x);
  if (frame.order == NormOrder::post) return step.x;
  step.normed = frame.norm.forward(step.x);
  return step.normed;
}

// Adds f(x) and makes y.
template <typename Step>
void finish_step(Step& step, const Tensor& f, const Frame<const Norm>& frame) {
  step.sum = sum_of(step.x, frame.dropped(f));
  step.y =
      frame.order == NormOrder::post ? frame.norm.forward(step.sum) : step.sum;
}

// What f was applied to.
template <typename Step>
const Tensor& input_of(const Step& step, NormOrder order) {
  return order == NormOrder::post ? step.x : step.normed;
}

// The gradient of x, given that of y; back(d) is that of f's input.
template <typename Step, typename Back>
Tensor step_back(const Step& step, const TensorView& d_y,
                 const Frame<Norm>& frame, Back back) {
  if (frame.order == NormOrder::post) {
    const Tensor d_sum = frame.norm.backward(step.sum, d_y);
    return sum_of(d_sum, back(frame.dropped(d_sum)));
  }
  const Tensor d_sum = Tensor::copy_of(d_y);
  return sum_of(d_sum, frame.norm.backward(step.x, back(frame.dropped(d_sum))));
}

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_RESIDUAL_H_
