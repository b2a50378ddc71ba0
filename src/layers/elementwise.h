// Sums and products of tensors of one shape, element by element.
#ifndef MASKWISE_LAYERS_ELEMENTWISE_H_
#define MASKWISE_LAYERS_ELEMENTWISE_H_

#include "backend/activation.h"
#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// a + b, and a * b; dense f32 tensors of one size, a result of a's shape.
Tensor sum_of(const TensorView& a, const TensorView& b);
Tensor product_of(const TensorView& a, const TensorView& b);

// f(x), and d f'(x).
Tensor activated(maskwise::detail::ActivationKind kind, const Tensor& x,
                 const Compute& compute);
Tensor activated_back(maskwise::detail::ActivationKind kind, const Tensor& x,
                      const Tensor& d, const Compute& compute);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_ELEMENTWISE_H_
