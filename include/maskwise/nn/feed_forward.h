// The position-wise feed-forward layer of a Transformer.
#ifndef MASKWISE_NN_FEED_FORWARD_H_
#define MASKWISE_NN_FEED_FORWARD_H_

#include <cstdint>
#include <string>

#include "maskwise/nn/dropout.h"
#include "maskwise/nn/linear.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

enum class Activation {
  relu,    // max(x, 0)
  gelu,    // x Phi(x), exact up to 6e-8 (https://arxiv.org/abs/1606.08415)
  swiglu,  // silu(x W_gate^T + b_gate) times x W_1^T + b_1
           // (https://arxiv.org/abs/2002.05202)
};

// What forward() computed, which backward() needs again.
struct FeedForwardResult {
  Tensor y;          // [..., features]
  Tensor hidden;     // [..., hidden]: of linear1, before the activation
  Tensor gate;       // [..., hidden]: of the gate, where there is one
  Tensor activated;  // [..., hidden]: what linear2 reads
};

// y = W_2 activation(W_1 x + b_1) + b_2, row by row.
class FeedForward : public Module {
 public:
  // `dropout` is applied to what linear2 reads.
  FeedForward(int64_t features, int64_t hidden, Activation activation,
              const Dropout& dropout = Dropout());

  Activation activation() const { return activation_; }

  // x: [..., features], f32; [B, L, features] where features are dropped.
  // Throws Error when x does not fit.
  FeedForwardResult forward(const TensorView& x, const Compute& compute = {},
                            const TokenRows& tokens = {}) const;

  // The gradient of x, given that of y; adds to those of the parameters. A row
  // whose d_y is zero is absent, as in Linear::backward(), whatever x holds
  // there. Throws Error when d_y or `result` does not fit x.
  Tensor backward(const TensorView& x, const FeedForwardResult& result,
                  const TensorView& d_y, const Compute& compute = {},
                  const TokenRows& tokens = {});

  // linear1.weight, linear1.bias, linear2.weight, linear2.bias; of a gate also
  // linear_gate.weight, linear_gate.bias.
  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  Linear linear1;
  Linear linear2;
  Linear linear_gate;  // of one feature where there is no gate

 private:
  Activation activation_;
  Dropout dropout_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_FEED_FORWARD_H_
