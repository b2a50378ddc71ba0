// The linear layer.
#ifndef MASKWISE_NN_LINEAR_H_
#define MASKWISE_NN_LINEAR_H_

#include <cstdint>
#include <string>

#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// y = x W^T + b, row by row. A row of y depends on its row of x alone: its bits
// are the same in any batch. Each element is one chain of fma over the inputs
// in ascending order, plus b.
class Linear : public Module {
 public:
  // W [outputs, inputs] and b [outputs], zeros.
  Linear(int64_t inputs, int64_t outputs);

  int64_t inputs() const { return weight.value.dim(1); }
  int64_t outputs() const { return weight.value.dim(0); }

  // x: [..., inputs], f32; returns [..., outputs]. Throws Error when x does not
  // fit.
  Tensor forward(const TensorView& x, const Compute& compute = {}) const;

  // The gradient of x, given that of y; adds to those of W and b: chains over
  // the rows in ascending order. A row whose d_y is zero is absent: it adds
  // nothing, whatever x holds there, and its d_x is zero.
  Tensor backward(const TensorView& x, const TensorView& d_y,
                  const Compute& compute = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  Parameter weight;
  Parameter bias;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_LINEAR_H_
