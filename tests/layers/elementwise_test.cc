#include "layers/elementwise.h"

#include <gtest/gtest.h>

#include "backend/activation.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using detail::ActivationKind;

const Tensor kX = Tensor::from<float>({2, 2}, {1, -2, 0, 0.5F});
const Tensor kY = Tensor::from<float>({2, 2}, {3, 5, -1, 4});

TEST(Elementwise, AddsAndMultiplies) {
  EXPECT_TRUE(same_bits(nn::detail::sum_of(kX, kY),
                        Tensor::from<float>({2, 2}, {4, 3, -1, 4.5F})));
  EXPECT_TRUE(same_bits(nn::detail::product_of(kX, kY),
                        Tensor::from<float>({2, 2}, {3, -10, -0.0F, 2})));
}

TEST(Elementwise, AppliesActivationsOnEveryIsa) {
  Rng rng(17);
  const Tensor x = normal(rng, {3, 37});
  const Tensor d = normal(rng, {3, 37});
  for (const ActivationKind kind :
       {ActivationKind::relu, ActivationKind::gelu, ActivationKind::silu}) {
    Tensor y(DType::f32, x.shape());
    Tensor d_x(DType::f32, x.shape());
    for (int64_t i = 0; i < x.size(); ++i) {
      const float each = x.data<float>()[i];
      y.mutable_data<float>()[i] = detail::activation(kind, each);
      d_x.mutable_data<float>()[i] =
          d.data<float>()[i] * detail::activation_slope(kind, each);
    }
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      const nn::Compute compute = {.isa = info.isa};
      EXPECT_TRUE(same_bits(nn::detail::activated(kind, x, compute), y));
      EXPECT_TRUE(
          same_bits(nn::detail::activated_back(kind, x, d, compute), d_x));
    }
  }
}

TEST(Elementwise, LeavesItsArgumentsAlone) {
  const Tensor d = kY.clone();
  nn::detail::activated_back(ActivationKind::relu, kX, d, {});
  EXPECT_TRUE(same_bits(d, kY));
}

}  // namespace
}  // namespace maskwise::testing
