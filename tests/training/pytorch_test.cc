// The loss and the optimizers give PyTorch's numbers (pytorch_numbers.h).
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "maskwise/nn/loss.h"
#include "maskwise/nn/optimizer.h"
#include "tests/training/pytorch_numbers.h"
#include "tests/training/two_parameters.h"

namespace maskwise::testing {
namespace {

// Some ten roundings of u = 6e-8 of numbers up to 7; 1e-6 is 16 u.
constexpr double kTolerance = 1e-6;

void expect_near(const Tensor& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), std::ssize(expected));
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(found.data<float>()[i], expected[i], kTolerance) << i;
  }
}

void fill(Tensor& tensor, double first, double (*function)(double)) {
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] =
        static_cast<float>(function(first + static_cast<double>(i)));
  }
}

TEST(CrossEntropy, GivesTheNumbersOfPyTorch) {
  Tensor logits(DType::f32, {2, 3, 5});
  fill(logits, 1, [](double x) { return 3 * std::sin(x); });
  const auto targets = Tensor::from<int64_t>({2, 3}, {1, 4, 0, 3, 0, 0});
  ASSERT_EQ(kPytorchLosses.size(), 4U);
  for (const PytorchLoss& one : kPytorchLosses) {
    const nn::CrossEntropyOptions options = {one.pad, one.smoothing};
    const nn::CrossEntropy found = nn::cross_entropy(logits, targets, options);
    EXPECT_EQ(found.count, one.pad ? 3 : 6);
    expect_near(found.losses, one.losses);
    expect_near(nn::cross_entropy_backward(logits, targets, 0.25F, options),
                one.gradient);
  }
}

TEST(Adam, GivesTheNumbersOfPyTorch) {
  ASSERT_EQ(kPytorchUpdates.size(), 5U);
  for (const PytorchUpdates& one : kPytorchUpdates) {
    TwoParameters module({4}, {2, 1});
    fill(module.first.value, 0, std::cos);
    nn::Adam adam(module, one.options);
    for (int update = 1; update <= 5; ++update) {
      fill(module.first.gradient, update, std::sin);
      adam.step(module, 0.1 / update);
    }
    expect_near(module.first.value, one.values);
  }
}

TEST(ClipGradients, GivesTheNumbersOfPyTorch) {
  for (const PytorchClip& one : kPytorchClips) {
    TwoParameters module({4}, {3});
    fill(module.first.gradient, 1, std::sin);
    fill(module.second.gradient, 1, std::sin);
    EXPECT_NEAR(nn::clip_gradients(module, one.most), one.norm, kTolerance);
    expect_near(module.first.gradient, one.gradient);
  }
}

}  // namespace
}  // namespace maskwise::testing
