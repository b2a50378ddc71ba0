// Normalisation of rows of features.
#ifndef MASKWISE_NN_NORM_H_
#define MASKWISE_NN_NORM_H_

#include <cstdint>
#include <string>

#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

enum class NormKind {
  layer,  // (x - mean) / sqrt(variance + eps) * weight + bias (Ba et al. 2016)
  rms,    // x / sqrt(mean of x^2 + eps) * weight (Zhang and Sennrich 2019)
};

// Row by row, so that a row's bits are the same in any batch. Sums over the
// features are 16 chains, of every 16th feature each, added in ascending order.
class Norm : public Module {
 public:
  // weight: ones; bias (of NormKind::layer): zeros. Throws Error when there are
  // no features, or eps is negative or not finite.
  explicit Norm(int64_t features, NormKind kind = NormKind::layer,
                float eps = 1e-5F);

  int64_t features() const { return weight.value.dim(0); }
  NormKind kind() const { return kind_; }

  // x: [..., features], f32; returns the same shape. Throws Error when x does
  // not fit.
  Tensor forward(const TensorView& x) const;

  // The gradient of x, given that of y; adds to those of weight and bias:
  // chains over the rows in ascending order. A row whose d_y is zero is absent,
  // as in Linear::backward().
  Tensor backward(const TensorView& x, const TensorView& d_y);

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  Parameter weight;
  Parameter bias;  // not there for NormKind::rms

 private:
  NormKind kind_;
  float eps_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_NORM_H_
