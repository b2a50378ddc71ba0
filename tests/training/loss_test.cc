#include "maskwise/nn/loss.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/poison.h"

namespace maskwise::testing {
namespace {

using nn::cross_entropy;
using nn::cross_entropy_backward;
using nn::CrossEntropyOptions;

Tensor random_targets(Rng& rng, const Shape& shape, int64_t classes) {
  Tensor targets(DType::i64, shape);
  for (int64_t i = 0; i < targets.size(); ++i) {
    targets.mutable_data<int64_t>()[i] = uniform(rng, 0, classes - 1);
  }
  return targets;
}

// The definition in double: PyTorch's, a sum of two logarithms.
Wide oracle_losses(const Wide& logits, const std::vector<int64_t>& targets,
                   const CrossEntropyOptions& options) {
  const size_t classes = logits.size() / targets.size();
  Wide losses;
  for (size_t row = 0; row < targets.size(); ++row) {
    const double* x = logits.data() + row * classes;
    double sum = 0;
    for (size_t v = 0; v < classes; ++v) sum += std::exp(x[v]);
    const auto minus_log = [&](size_t v) { return std::log(sum) - x[v]; };
    double spread = 0;
    for (size_t v = 0; v < classes; ++v) spread += minus_log(v);
    const double loss =
        (1 - options.smoothing) *
            minus_log(static_cast<size_t>(std::max<int64_t>(targets[row], 0))) +
        options.smoothing * spread / static_cast<double>(classes);
    losses.push_back(targets[row] == options.pad ? 0 : loss);
  }
  return losses;
}

// 1, 16 and 37 classes: fewer than a set of chains, one, and a remainder.
TEST(CrossEntropy, LossesAndSlopesAreThoseOfTheFormula) {
  Rng rng(1);
  for (const int64_t classes : {1, 3, 16, 37, 200}) {
    for (const float smoothing : {0.0F, 0.2F}) {
      const CrossEntropyOptions options = {.pad = -7, .smoothing = smoothing};
      const Tensor logits = normal(rng, {2, 3, classes}, 3);
      Tensor targets = random_targets(rng, {2, 3}, classes);
      targets.mutable_data<int64_t>()[4] = -7;
      const auto ids = to_int64(targets);
      const LayerFunction losses_of = [&](const WideMap& at) {
        return oracle_losses(at.at("logits"), ids, options);
      };
      const WideMap at = {{"logits", widened(logits)}};
      const auto found = cross_entropy(logits, targets, options);
      EXPECT_EQ(found.count, 5);
      expect_close(found.losses, losses_of(at), "losses");
      const Tensor factors =
          Tensor::from<float>({6}, std::vector<float>(6, 0.5F));
      expect_slopes(
          losses_of, at, factors,
          {{"logits", cross_entropy_backward(logits, targets, 0.5F, options)}});
    }
  }
}

// Both kinds of ids, f32 that is not dense, and no axis beside the classes.
TEST(CrossEntropy, TakesAnyLayoutAndBothKindsOfIds) {
  Rng rng(2);
  const Tensor logits = normal(rng, {3, 4});
  const auto wide = Tensor::from<int64_t>({3}, {2, 0, 3});
  const auto narrow = Tensor::from<int32_t>({3}, {2, 0, 3});
  const auto expected = cross_entropy(logits, wide);
  EXPECT_TRUE(same_bits(cross_entropy(logits, narrow).losses, expected.losses));
  Tensor turned(DType::f32, {4, 3});
  for (int64_t i = 0; i < 12; ++i) {
    turned.mutable_data<float>()[i % 4 * 3 + i / 4] = logits.data<float>()[i];
  }
  EXPECT_TRUE(
      same_bits(cross_entropy(turned.view().permuted({1, 0}), wide).losses,
                expected.losses));
  const TensorView row(logits.bytes(), DType::f32, {4});
  const auto one = cross_entropy(row, Tensor::from<int64_t>({}, {2}));
  EXPECT_EQ(one.losses.shape(), Shape{});
  EXPECT_EQ(one.losses.data<float>()[0], expected.losses.data<float>()[0]);
}

// A row has one set of bits: alone and in a batch, with any thread count and
// instruction set, in a call that is large enough for threads.
TEST(CrossEntropy, BitsOfARowAreThoseOfThatRowAlone) {
  Rng rng(3);
  constexpr int64_t kRows = 40;
  constexpr int64_t kClasses = 3001;
  const Tensor logits = normal(rng, {kRows, kClasses}, 4);
  const Tensor targets = random_targets(rng, {kRows}, kClasses);
  const CrossEntropyOptions options = {.smoothing = 0.1F};
  const auto losses = cross_entropy(logits, targets, options).losses;
  const Tensor d = cross_entropy_backward(logits, targets, 0.1F, options);
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    for (const int threads : {1, 2, 5}) {
      const nn::Compute compute = {info.isa, threads};
      EXPECT_TRUE(same_bits(
          cross_entropy(logits, targets, options, compute).losses, losses));
      EXPECT_TRUE(same_bits(
          cross_entropy_backward(logits, targets, 0.1F, options, compute), d));
    }
  }
  for (const int64_t row : {0, 17, 39}) {
    const TensorView alone(logits.data<float>() + row * kClasses, DType::f32,
                           {1, kClasses});
    const auto target = Tensor::from<int64_t>({1}, {to_int64(targets)[row]});
    const auto one = cross_entropy(alone, target, options);
    EXPECT_EQ(bits_of(one.losses, 0), bits_of(losses, row));
    const Tensor d_one = cross_entropy_backward(alone, target, 0.1F, options);
    for (int64_t v = 0; v < kClasses; ++v) {
      ASSERT_EQ(bits_of(d_one, v), bits_of(d, row * kClasses + v));
    }
  }
}

// Padding is absent: whatever its logits hold, not one bit changes.
TEST(CrossEntropy, PaddingIsAbsent) {
  Rng rng(4);
  const CrossEntropyOptions options = {.pad = 0, .smoothing = 0.1F};
  const auto targets = Tensor::from<int64_t>({2, 3}, {0, 3, 1, 2, 0, 0});
  Tensor logits = normal(rng, {2, 3, 5});
  const auto before = cross_entropy(logits, targets, options);
  const Tensor d = cross_entropy_backward(logits, targets, 1, options);
  EXPECT_EQ(before.count, 3);
  for (const Poison& poison : kPoisons) {
    for (const int64_t row : {0, 4, 5}) {
      std::fill_n(logits.mutable_data<float>() + row * 5, 5, poison.value());
    }
    const auto after = cross_entropy(logits, targets, options);
    const Tensor d_after = cross_entropy_backward(logits, targets, 1, options);
    EXPECT_TRUE(same_bits(before.losses, after.losses)) << poison.name;
    EXPECT_TRUE(same_bits(d, d_after)) << poison.name;
    for (const int64_t row : {0, 4, 5}) {
      EXPECT_EQ(bits_of(after.losses, row), "0x0");
      for (int64_t v = 0; v < 5; ++v) {
        EXPECT_EQ(bits_of(d_after, row * 5 + v), "0x0");
      }
    }
  }
}

TEST(CrossEntropy, WhatIsNotFiniteInARealRowIsSeen) {
  const auto loss_of = [](const std::vector<float>& row, float smoothing) {
    const auto x = Tensor::from<float>({1, 3}, row);
    const auto target = Tensor::from<int64_t>({1}, {0});
    return cross_entropy(x, target, {.smoothing = smoothing})
        .losses.data<float>()[0];
  };
  const float inf = kInf;
  for (const float smoothing : {0.0F, 0.5F}) {
    EXPECT_TRUE(std::isnan(loss_of({1, kNan, 2}, smoothing)));
    EXPECT_TRUE(std::isnan(loss_of({1, inf, 2}, smoothing)));
    EXPECT_TRUE(std::isnan(loss_of({-inf, -inf, -inf}, smoothing)));
    EXPECT_EQ(loss_of({-inf, 1, 2}, smoothing), inf);
  }
  // A class that cannot be, beside the target: log(1 + e).
  EXPECT_NEAR(loss_of({1, -inf, 2}, 0), 1.313261688, 1e-6);
  EXPECT_EQ(loss_of({1, -inf, 2}, 0.5F), inf);
  const auto x = Tensor::from<float>({2, 2}, {-inf, 0, -inf, -inf});
  const Tensor d =
      cross_entropy_backward(x, Tensor::from<int64_t>({2}, {0, 0}), 1);
  EXPECT_EQ(d.data<float>()[0], -1);
  EXPECT_EQ(d.data<float>()[1], 1);
  EXPECT_TRUE(std::isnan(d.data<float>()[2]));
  EXPECT_TRUE(std::isnan(d.data<float>()[3]));
}

// Logits of any size: nothing overflows, and a sure row costs nothing.
TEST(CrossEntropy, LargeLogitsDoNotOverflow) {
  const auto x =
      Tensor::from<float>({3, 2}, {3e38F, -3e38F, 1000, 999, -1000, -999});
  const auto losses =
      cross_entropy(x, Tensor::from<int64_t>({3}, {0, 1, 0})).losses;
  EXPECT_EQ(losses.data<float>()[0], 0);
  EXPECT_NEAR(losses.data<float>()[1], 1.313261688, 1e-6);
  EXPECT_NEAR(losses.data<float>()[2], 1.313261688, 1e-6);
}

TEST(CrossEntropy, RefusesWhatDoesNotFit) {
  const Tensor logits(DType::f32, {2, 3, 4});
  const auto targets = Tensor::from<int64_t>({2, 3}, {0, 1, 2, 3, 0, 1});
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const TensorView& x, const TensorView& t,
                           const CrossEntropyOptions& options = {}) {
    EXPECT_TRUE(throws_error(code, "[cross_entropy] ",
                             [&] { cross_entropy(x, t, options); }));
    EXPECT_TRUE(throws_error(
        code, fragment, [&] { cross_entropy_backward(x, t, 1, options); }));
  };
  const ErrorCode shape = ErrorCode::shape_mismatch;
  const ErrorCode value = ErrorCode::invalid_argument;
  refuses(shape, "with at least 1 class, got nothing", {}, targets);
  refuses(shape, "got []", Tensor(DType::f32, {}), targets);
  refuses(shape, "got [2, 0]", Tensor(DType::f32, {2, 0}), targets);
  refuses(value, "expected logits of type f32, got f64",
          Tensor(DType::f64, {2, 3, 4}), targets);
  refuses(shape,
          "expected targets of shape [2, 3], that of logits without V, got [6]",
          logits, Tensor(DType::i64, {6}));
  refuses(shape, "got nothing", logits, {});
  refuses(value, "of type i32 or i64, got u8", logits,
          Tensor(DType::u8, {2, 3}));
  auto wrong = targets.clone();
  wrong.mutable_data<int64_t>()[4] = 4;
  refuses(value, "the target at [1, 1] is 4; expected a class from 0 to 3",
          logits, wrong);
  wrong.mutable_data<int64_t>()[4] = -1;
  refuses(value, "is -1; expected a class from 0 to 3, or -100 for padding",
          logits, wrong, {.pad = -100});
  for (const float smoothing : {-0.1F, 1.0F, kNan}) {
    refuses(value, "expected at least 0 and less than 1", logits, targets,
            {.smoothing = smoothing});
  }
  EXPECT_TRUE(throws_error(value, "threads", [&] {
    cross_entropy(logits, targets, {}, {.threads = 0});
  }));
  EXPECT_TRUE(throws_error(value, "the factor is nan", [&] {
    cross_entropy_backward(logits, targets, kNan);
  }));
}

TEST(CrossEntropy, NoRowsAreNoLosses) {
  const auto none =
      cross_entropy(Tensor(DType::f32, {0, 4}), Tensor(DType::i64, {0}));
  EXPECT_EQ(none.count, 0);
  EXPECT_EQ(none.losses.size(), 0);
}

// In the order of the tokens, in double: 2^24 + 1 is no float.
TEST(SentenceLosses, AreSumsInDoubleThatPaddingDoesNotChange) {
  const float large = 16777216;
  EXPECT_EQ(nn::sentence_losses(
                Tensor::from<float>({2, 3}, {large, 1, 0, 0.5F, 0, 0})),
            (std::vector<double>{16777217, 0.5}));
  const std::vector<float> losses = {0.1F, 0.7F, 1e-9F, 123.4F};
  std::vector<float> padded = {0, 0.1F, 0.7F, 1e-9F, 123.4F, 0, 0, 0};
  EXPECT_EQ(nn::sentence_losses(Tensor::from<float>({1, 8}, padded)),
            nn::sentence_losses(Tensor::from<float>({1, 4}, losses)));
  EXPECT_EQ(nn::sentence_losses(Tensor(DType::f32, {2, 0})),
            (std::vector<double>{0, 0}));
  EXPECT_TRUE(nn::sentence_losses(Tensor(DType::f32, {0, 3})).empty());
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch, "expected losses of shape [B, ...], got []",
      [] { nn::sentence_losses(Tensor(DType::f32, {})); }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument, "of type f32, got f64",
                   [] { nn::sentence_losses(Tensor(DType::f64, {1})); }));
}

}  // namespace
}  // namespace maskwise::testing
