#include "maskwise/nn/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <thread>

#include "maskwise/io.h"
#include "maskwise/nn/linear.h"
#include "tests/base/thrown_error.h"
#include "tests/io/file_size_limit.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Adam;
using nn::CheckpointNumbers;
using nn::Linear;

// A layer whose parameters and moments are those of some updates.
struct Trained {
  Trained(int64_t inputs, unsigned seed, int updates)
      : layer(inputs, 3), adam(layer) {
    Rng rng(seed);
    randomise(rng, layer);
    train(rng, updates);
  }

  void train(Rng& rng, int updates) {
    for (int i = 0; i < updates; ++i) {
      layer.weight.gradient = normal(rng, layer.weight.value.shape());
      adam.step(layer, 0.01);
    }
  }

  Linear layer;
  Adam adam;
};

::testing::AssertionResult same(const Trained& a, const Trained& b) {
  const auto weight = same_bits(a.layer.weight.value, b.layer.weight.value);
  if (!weight) return weight;
  const auto bias = same_bits(a.layer.bias.value, b.layer.bias.value);
  if (!bias) return bias;
  for (const auto& [name, tensor] : a.adam.state()) {
    const auto moment = same_bits(tensor, b.adam.state().at(name));
    if (!moment) return moment;
  }
  return ::testing::AssertionSuccess();
}

TEST(Checkpoint, ATrainingGoesOnBitForBit) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  Trained one(5, 1, 4);
  const CheckpointNumbers numbers = {
      {"seed", INT64_MIN}, {"epoch", int64_t{3}}, {"best_loss", 0.1}};
  nn::save_checkpoint(path, one.layer, one.adam, numbers);
  Trained other(5, 2, 1);
  EXPECT_EQ(nn::load_checkpoint(path, other.layer, other.adam), numbers);
  EXPECT_EQ(other.adam.updates(), 4);
  EXPECT_TRUE(same(one, other));
  Rng rng(3);
  Rng again(3);
  one.train(rng, 2);
  other.train(again, 2);
  EXPECT_TRUE(same(one, other));
  EXPECT_EQ(directory.names(), std::set<std::string>{"a.st"});
}

TEST(Checkpoint, IsOneFileWithNamesThatSayWhatIsWhat) {
  const TemporaryDirectory directory;
  Trained one(2, 1, 1);
  nn::save_checkpoint(directory.path("a.st"), one.layer, one.adam,
                      {{"epoch", int64_t{3}}});
  std::set<std::string> names;
  for (const auto& [name, tensor] : load_safetensors(directory.path("a.st"))) {
    names.insert(name);
  }
  EXPECT_EQ(names, (std::set<std::string>{"adam.m.bias", "adam.m.weight",
                                          "adam.updates", "adam.v.bias",
                                          "adam.v.weight", "model.bias",
                                          "model.weight", "number.epoch"}));
}

TEST(Checkpoint, AModelAloneIsLoadedWithoutAnOptimizer) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  Trained one(5, 1, 4);
  nn::save_checkpoint(path, one.layer, one.adam, {{"epoch", int64_t{3}}});
  Linear layer(5, 3);
  EXPECT_EQ(nn::load_checkpoint(path, layer).size(), 1U);
  EXPECT_TRUE(same_bits(layer.weight.value, one.layer.weight.value));
}

TEST(Checkpoint, WhatDoesNotFitChangesNothing) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  Trained saved(5, 1, 4);
  nn::save_checkpoint(path, saved.layer, saved.adam);
  const TensorMap whole = load_safetensors(path);
  Trained one(5, 2, 1);
  const Trained before(5, 2, 1);
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const std::function<void(TensorMap&)>& spoil) {
    TensorMap tensors = whole;
    spoil(tensors);
    save_safetensors(path, tensors);
    const auto load = [&] { nn::load_checkpoint(path, one.layer, one.adam); };
    EXPECT_TRUE(throws_error(code, fragment, load));
    EXPECT_TRUE(throws_error(code, "[checkpoint] '" + path + "'", load));
    EXPECT_TRUE(same(one, before)) << fragment;
  };
  const ErrorCode value = ErrorCode::invalid_argument;
  refuses(value, "does not fit the module: bias is missing; expected it of",
          [](TensorMap& t) { t.erase("model.bias"); });
  refuses(ErrorCode::shape_mismatch,
          "does not fit the module: expected bias of shape [3], got [4]",
          [](TensorMap& t) { t["model.bias"] = Tensor(DType::f32, {4}); });
  refuses(value, "does not fit the module: more is no parameter",
          [](TensorMap& t) { t["model.more"] = Tensor(DType::f32, {4}); });
  refuses(value, "does not fit the optimizer: adam.v.bias is missing",
          [](TensorMap& t) { t.erase("adam.v.bias"); });
  refuses(value, "does not fit the optimizer: adam.x is no state",
          [](TensorMap& t) { t["adam.x"] = Tensor(DType::f32, {4}); });
  refuses(ErrorCode::io, "holds weight, which is no part of a checkpoint",
          [](TensorMap& t) {
            t["weight"] = Tensor(DType::f32, {3, 5});
          });
  for (const Tensor& bad : {Tensor(DType::f32, {}), Tensor(DType::i64, {1})}) {
    refuses(ErrorCode::io, "number.x is " + std::string(name_of(bad.dtype())),
            [&](TensorMap& t) { t["number.x"] = bad; });
  }
  directory.file("a.st", "{}");
  EXPECT_TRUE(throws_error(ErrorCode::io, "[safetensors] '" + path + "'",
                           [&] { nn::load_checkpoint(path, one.layer); }));
}

TEST(Checkpoint, AFullDiskLeavesTheOldOne) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  Trained one(5, 1, 4);
  nn::save_checkpoint(path, one.layer, one.adam);
  Trained large(5000, 2, 0);
  {
    const FileSizeLimit limit(20000);
    EXPECT_TRUE(throws_error(ErrorCode::io, "cannot write", [&] {
      nn::save_checkpoint(path, large.layer, large.adam);
    }));
  }
  EXPECT_EQ(directory.names(), std::set<std::string>{"a.st"});
  Trained loaded(5, 3, 1);
  nn::load_checkpoint(path, loaded.layer, loaded.adam);
  EXPECT_TRUE(same(loaded, one));
}

// Every number of the module is that of the checkpoint's own number.
void expect_whole(const std::string& path, Linear& layer, Adam& adam) {
  const auto numbers = nn::load_checkpoint(path, layer, adam);
  const auto number =
      static_cast<float>(std::get<int64_t>(numbers.at("number")));
  const auto* weight = layer.weight.value.data<float>();
  EXPECT_TRUE(std::all_of(weight, weight + layer.weight.value.size(),
                          [=](float x) { return x == number; }))
      << number;
}

// What the child of the test below does until it is killed.
[[noreturn]] void save_for_ever(const std::string& path, Linear& layer,
                                const Adam& adam) {
  for (int64_t number = 0;; ++number) {
    std::fill_n(layer.weight.value.mutable_data<float>(),
                layer.weight.value.size(), static_cast<float>(number));
    nn::save_checkpoint(path, layer, adam, {{"number", number}});
  }
}

// Killed at a moment of chance while it saves 3 MiB again and again, a process
// leaves a checkpoint that loads and is of one piece.
TEST(Checkpoint, AKilledProcessLeavesAWholeOne) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("a.st");
  Linear layer(512, 512);
  Adam adam(layer);
  nn::save_checkpoint(path, layer, adam, {{"number", int64_t{0}}});
  Rng rng(9);
  int amid = 0;
  for (int i = 0; i < 20; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_for_ever(path, layer, adam);
    std::this_thread::sleep_for(
        std::chrono::microseconds(uniform(rng, 2000, 60000)));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    expect_whole(path, layer, adam);
    for (const std::string& name : directory.names()) {
      if (name == "a.st") continue;
      ++amid;
      ::unlink(directory.path(name).c_str());
    }
  }
  std::printf("killed in the middle of a file %d times of 20\n", amid);
  EXPECT_GT(amid, 0);
}

}  // namespace
}  // namespace maskwise::testing
