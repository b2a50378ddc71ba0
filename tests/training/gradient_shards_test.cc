#include "training/gradient_shards.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tests/support/machines.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::LossOptions;
using nn::LossSum;
using nn::Task;
using nn::TextExample;
using nn::detail::GradientShards;

constexpr LossOptions kOptions = {
    .factor = 0.05F, .smoothing = 0.1F, .dropout = 7};

double largest(const TensorMap& tensors) {
  double found = 0;
  for (const auto& [name, one] : tensors) {
    for (int64_t i = 0; i < one.size(); ++i) {
      found = std::fmax(found, std::fabs(one.data<float>()[i]));
    }
  }
  return found;
}

double largest_difference(const TensorMap& a, const TensorMap& b) {
  TensorMap differences = copied(a);
  for (auto& [name, one] : differences) {
    for (int64_t i = 0; i < one.size(); ++i) {
      one.mutable_data<float>()[i] -= b.at(name).data<float>()[i];
    }
  }
  return largest(differences);
}

// Sums of some hundred terms in another order are off by some roundings of
// 6e-8; an example that is missing or comes twice by some percent.
constexpr double kTolerance = 3e-6;

TEST(GradientShards, AddUpToTheGradientsOfTheBatch) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const std::vector<TextExample> examples = examples_for(*model);
    const LossSum expected = model->add_gradients(examples, kOptions);
    const TensorMap whole = copied(model->module().gradients());
    for (const int64_t count : {1, 3, 4, 40}) {
      GradientShards shards(*model, count);
      model->module().zero_gradients();
      const LossSum sum = shards.add_gradients(examples, kOptions, {});
      EXPECT_EQ(sum.targets, expected.targets);
      EXPECT_NEAR(sum.sum, expected.sum, 1e-9 * expected.sum);
      const double off =
          largest_difference(model->module().gradients(), whole) /
          largest(whole);
      std::printf("%d shards are off by %.1e\n", static_cast<int>(count), off);
      EXPECT_LE(off, kTolerance);
    }
  }
}

TEST(GradientShards, HaveTheSameBitsOnEveryMachine) {
  for (const Task task : kBothTasks) {
    const auto model = tiny_model(task);
    const std::vector<TextExample> examples = examples_for(*model);
    GradientShards shards(*model, 4);
    const LossSum expected =
        shards.add_gradients(examples, kOptions, {.isa = {}, .threads = 1});
    const TensorMap first = copied(model->module().gradients());
    on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
      model->module().zero_gradients();
      const LossSum sum = shards.add_gradients(examples, kOptions, compute);
      EXPECT_EQ(sum.sum, expected.sum);
      EXPECT_TRUE(same_tensors(model->module().gradients(), first));
    });
  }
}

TEST(GradientShards, AreAddedToWhatIsThere) {
  const auto model = tiny_model(Task::classify);
  const std::vector<TextExample> examples = examples_for(*model);
  GradientShards shards(*model, 2);
  shards.add_gradients(examples, kOptions, {});
  const TensorMap once = copied(model->module().gradients());
  shards.add_gradients(examples, kOptions, {});
  TensorMap twice = copied(once);
  for (auto& [name, one] : twice) {
    for (int64_t i = 0; i < one.size(); ++i) one.mutable_data<float>()[i] *= 2;
  }
  EXPECT_LE(largest_difference(model->module().gradients(), twice),
            kTolerance * largest(once));
}

TEST(GradientShards, OfOneExampleAreItsOwnGradients) {
  const auto model = tiny_model(Task::seq2seq);
  const TextExample one = examples_for(*model).at(5);
  const LossSum expected = model->add_gradients({one}, kOptions);
  const TensorMap alone = copied(model->module().gradients());
  model->module().zero_gradients();
  GradientShards shards(*model, 4);
  EXPECT_EQ(shards.add_gradients({one}, kOptions, {}).sum, expected.sum);
  EXPECT_TRUE(same_tensors(model->module().gradients(), alone));
}

TEST(GradientShards, FollowTheModelsParameters) {
  const auto model = tiny_model(Task::classify);
  const std::vector<TextExample> examples = examples_for(*model);
  GradientShards shards(*model, 4);
  const double before = shards.add_gradients(examples, {}, {}).sum;
  model->module().parameters().at("output.bias").mutable_data<float>()[0] = 3;
  EXPECT_NEAR(shards.add_gradients(examples, {}, {}).sum,
              model->add_gradients(examples, {}).sum, 1e-4);
  EXPECT_GT(std::fabs(shards.add_gradients(examples, {}, {}).sum - before), 1);
}

TEST(GradientShards, OfNoExampleAreNothing) {
  const auto model = tiny_model(Task::classify);
  GradientShards shards(*model, 4);
  EXPECT_EQ(shards.add_gradients({}, {}, {}).targets, 0);
  EXPECT_EQ(largest(model->module().gradients()), 0);
}

}  // namespace
}  // namespace maskwise::testing
