#include "layers/elementwise.h"

#include "backend/cpu/kernel_table.h"
#include "base/fp_environment.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::ActivationKind;
using maskwise::detail::FpEnvironment;
using maskwise::detail::KernelTable;

template <typename Combine>
Tensor combined(const TensorView& a, const TensorView& b, Combine combine) {
  const FpEnvironment environment;
  Tensor result = Tensor::unfilled(DType::f32, a.shape());
  auto* to = result.mutable_data<float>();
  const auto* x = a.data<float>();
  const auto* y = b.data<float>();
  for (int64_t i = 0; i < result.size(); ++i) to[i] = combine(x[i], y[i]);
  return result;
}

const KernelTable& kernels_for(const Compute& compute) {
  return maskwise::detail::kernels_of(devices().choose(compute.isa));
}

}  // namespace

Tensor sum_of(const TensorView& a, const TensorView& b) {
  return combined(a, b, [](float x, float y) { return x + y; });
}

Tensor product_of(const TensorView& a, const TensorView& b) {
  return combined(a, b, [](float x, float y) { return x * y; });
}

Tensor activated(ActivationKind kind, const Tensor& x, const Compute& compute) {
  const FpEnvironment environment;
  Tensor result = Tensor::unfilled(DType::f32, x.shape());
  kernels_for(compute).activate(kind, x.data<float>(),
                                result.mutable_data<float>(), x.size());
  return result;
}

Tensor activated_back(ActivationKind kind, const Tensor& x, const Tensor& d,
                      const Compute& compute) {
  const FpEnvironment environment;
  Tensor result = d.clone();
  kernels_for(compute).activate_back(kind, x.data<float>(),
                                     result.mutable_data<float>(), x.size());
  return result;
}

}  // namespace maskwise::nn::detail
