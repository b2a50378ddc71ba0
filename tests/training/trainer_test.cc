#include "maskwise/nn/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/io.h"
#include "tests/base/thrown_error.h"
#include "tests/io/temporary_directory.h"
#include "tests/support/machines.h"
#include "tests/training/tiny_text_models.h"

namespace maskwise::testing {
namespace {

using nn::CheckpointNumbers;
using nn::Task;
using nn::TextExample;
using nn::Trainer;
using nn::TrainerOptions;
using nn::UpdateReport;

// Batches of an epoch: 9 words, or 11, by 4.
constexpr int64_t kBatches = 3;

TrainerOptions few_at_a_time(uint64_t seed = 1) {
  return {.examples = 4, .schedule = {.peak = 0.01}, .seed = seed};
}

// A model and its trainer, always of the same beginning.
struct Training {
  explicit Training(Task task, const TrainerOptions& options = few_at_a_time())
      : model(tiny_model(task)),
        trainer(*model, examples_for(*model), options) {}

  // Updates as of a budget of 12.
  std::vector<UpdateReport> run(int64_t updates,
                                const nn::Compute& compute = {}) {
    std::vector<UpdateReport> reports;
    for (int64_t i = 0; i < updates; ++i) {
      const double share = static_cast<double>(trainer.updates() + 1) / 12;
      reports.push_back(trainer.update(share, compute));
    }
    return reports;
  }

  TensorMap parameters() const { return model->module().parameters(); }

  std::unique_ptr<nn::TextModel> model;
  Trainer trainer;
};

void expect_same(const UpdateReport& a, const UpdateReport& b) {
  EXPECT_EQ(a.update, b.update);
  EXPECT_EQ(a.epoch, b.epoch);
  EXPECT_EQ(a.loss.sum, b.loss.sum);
  EXPECT_EQ(a.loss.targets, b.loss.targets);
  EXPECT_EQ(a.rate, b.rate);
  EXPECT_EQ(a.norm, b.norm);
}

TEST(Trainer, ASeedGivesTheSameBytesOnEveryMachine) {
  for (const Task task : kBothTasks) {
    Training first(task);
    const UpdateReport last = first.run(5).back();
    on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
      Training again(task);
      expect_same(again.run(5, compute).back(), last);
      EXPECT_TRUE(same_tensors(again.parameters(), first.parameters()));
    });
    Training other(task, few_at_a_time(2));
    other.run(5);
    EXPECT_FALSE(same_tensors(other.parameters(), first.parameters()));
  }
}

TEST(Trainer, EachEpochReadsEachExampleOnce) {
  Training one(Task::seq2seq);
  int64_t targets = 0;
  for (const TextExample& each : examples_for(*one.model)) {
    targets += std::ssize(each.target) + 1;
  }
  const std::vector<UpdateReport> reports = one.run(2 * kBatches);
  for (int64_t epoch = 0; epoch < 2; ++epoch) {
    int64_t read = 0;
    for (int64_t i = 0; i < kBatches; ++i) {
      const UpdateReport& each = reports[epoch * kBatches + i];
      EXPECT_EQ(each.epoch, epoch);
      EXPECT_EQ(each.update, epoch * kBatches + i + 1);
      EXPECT_EQ(each.rate,
                nn::learning_rate(few_at_a_time().schedule, each.update, 12));
      read += each.loss.targets;
    }
    EXPECT_EQ(read, targets);
  }
  EXPECT_EQ(one.trainer.updates(), 2 * kBatches);
}

TEST(Trainer, GoesOnAtAnyPlaceAsIfItHadNotBeenStopped) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("last.st");
  constexpr int64_t kAll = 2 * kBatches + 1;
  const CheckpointNumbers own = {{"best", 0.5}, {"patience", int64_t{3}}};
  for (const Task task : kBothTasks) {
    Training whole(task);
    const std::vector<UpdateReport> expected = whole.run(kAll);
    for (int64_t stop = 0; stop < kAll; ++stop) {
      SCOPED_TRACE(stop);
      Training begun(task);
      begun.run(stop);
      begun.trainer.save(path, own);
      Training resumed(task);
      // What it did before plays no part.
      resumed.run(kBatches - 1);
      EXPECT_EQ(resumed.trainer.load(path), own);
      EXPECT_EQ(resumed.trainer.updates(), stop);
      const std::vector<UpdateReport> rest = resumed.run(kAll - stop);
      for (size_t i = 0; i < rest.size(); ++i) {
        expect_same(rest[i], expected[static_cast<size_t>(stop) + i]);
      }
      EXPECT_TRUE(same_tensors(resumed.parameters(), whole.parameters()));
    }
  }
}

TEST(Trainer, ACheckpointOfAnotherTrainingIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("last.st");
  Training saved(Task::seq2seq);
  saved.run(2);
  saved.trainer.save(path);
  const auto refuses = [&](const std::string& fragment, Trainer trainer) {
    const auto error = thrown_by([&] { trainer.load(path); });
    ASSERT_TRUE(error.has_value()) << fragment;
    const std::string message = error->what();
    EXPECT_NE(message.find("'" + path + "'"), std::string::npos) << message;
    EXPECT_NE(message.find(fragment), std::string::npos) << message;
  };
  const auto model = tiny_model(Task::seq2seq);
  std::vector<TextExample> examples = examples_for(*model);
  refuses(
      "is of a training of 9 examples with seed 1; expected 9 examples and "
      "seed 2",
      Trainer(*model, examples, few_at_a_time(2)));
  const auto classifier = tiny_model(Task::classify);
  refuses("does not fit the optimizer",
          Trainer(*classifier, examples_for(*classifier), few_at_a_time()));
  const auto wide =
      nn::make_text_model(tiny_options(Task::seq2seq, 32), reversed_words(), 1);
  refuses("does not fit the optimizer",
          Trainer(*wide, examples, few_at_a_time()));
  examples.pop_back();
  refuses("expected 8 examples", Trainer(*model, examples, few_at_a_time()));
}

TEST(Trainer, ACheckpointThatIsCutOrOddIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("last.st");
  Training one(Task::classify);
  one.run(2);
  one.trainer.save(path);
  const TensorMap whole = load_safetensors(path);
  const auto refuses = [&](const std::string& fragment) {
    const auto load = [&] { one.trainer.load(path); };
    EXPECT_TRUE(throws_error(ErrorCode::io, fragment, load));
    EXPECT_TRUE(throws_error(ErrorCode::io, "'" + path + "'", load));
  };
  const auto number = [](int64_t value) {
    return Tensor::from<int64_t>({}, {value});
  };
  for (const std::string name :
       {"epoch", "batch", "update", "seed", "examples"}) {
    TensorMap tensors = whole;
    tensors.erase("number." + name);
    save_safetensors(path, tensors);
    refuses("expected the whole number '" + name + "'");
    for (const int64_t odd : {int64_t{-1}, INT64_MIN}) {
      tensors["number." + name] = number(odd);
      save_safetensors(path, tensors);
      refuses("; expected ");
    }
    tensors["number." + name] = Tensor::from<double>({}, {1.0});
    save_safetensors(path, tensors);
    refuses("'" + name + "'");
  }
  TensorMap tensors = whole;
  tensors["number.batch"] = number(kBatches + 1);
  save_safetensors(path, tensors);
  refuses("stands at update 2, epoch 0, batch 4; expected an epoch of 3");
  directory.file("last.st", bytes_of(path).substr(0, 500));
  refuses("[safetensors]");
}

TEST(Trainer, ACheckpointOfMoreBatchesIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory.path("last.st");
  Training one(Task::seq2seq);
  one.run(kBatches - 1);
  one.trainer.save(path);
  TrainerOptions options = few_at_a_time();
  options.examples = 100;
  Training other(Task::seq2seq, options);
  EXPECT_TRUE(throws_error(ErrorCode::io, "an epoch of 1 batches",
                           [&] { other.trainer.load(path); }));
}

TEST(Trainer, OptionsThatDoNotFitAreRefusedAtOnce) {
  const auto model = tiny_model(Task::classify);
  const auto refuses = [&](const std::string& fragment,
                           const std::function<void(TrainerOptions&)>& spoil) {
    TrainerOptions options;
    spoil(options);
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment, [&] {
      Trainer(*model, examples_for(*model), options);
    }));
  };
  using Options = TrainerOptions&;
  refuses("most_examples", [](Options o) { o.examples = 0; });
  refuses("peak", [](Options o) { o.schedule.peak = -1; });
  refuses("beta1", [](Options o) { o.adam.beta1 = 1; });
  refuses("most_norm is 0", [](Options o) { o.most_norm = 0; });
  refuses("most_norm is nan", [](Options o) { o.most_norm = std::nan(""); });
  refuses("smoothing is 1", [](Options o) { o.smoothing = 1; });
  refuses("smoothing is -0.5", [](Options o) { o.smoothing = -0.5F; });
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "[trainer] no example",
                           [&] { Trainer(*model, {}, {}); }));
}

// A model with a NaN: its gradients are not finite, so nothing is changed.
TEST(Trainer, AnUpdateThatIsNotFiniteIsLeftOut) {
  Training one(Task::classify);
  one.run(1);
  one.parameters().at("output.bias").mutable_data<float>()[0] =
      std::numeric_limits<float>::quiet_NaN();
  const TensorMap before = copied(one.parameters());
  const UpdateReport report = one.run(1).back();
  EXPECT_FALSE(std::isfinite(report.norm));
  EXPECT_EQ(report.update, 2);
  EXPECT_TRUE(same_tensors(one.parameters(), before));
}

TEST(Trainer, WhatCanBeLearntIsLearnt) {
  for (const Task task : kBothTasks) {
    const auto model =
        nn::make_text_model(tiny_options(task, 32), pairs_for(task), 1);
    constexpr int64_t kUpdates = 150;
    Trainer trainer(*model, examples_for(*model),
                    {.examples = 6, .schedule = {.peak = 0.01}});
    const double before = trainer.update(1.0 / kUpdates).loss.mean();
    double after = 0;
    while (trainer.updates() < kUpdates) {
      const double share =
          static_cast<double>(trainer.updates() + 1) / kUpdates;
      after = trainer.update(share).loss.mean();
    }
    EXPECT_LT(after, before / 1.5);
    std::vector<std::string> expected;
    for (const nn::TextPair& pair : pairs_for(task)) {
      expected.push_back(pair.target);
    }
    for (const int64_t beam : {1, 5}) {
      EXPECT_EQ(model->predict(sources_for(task), {.beam = beam}), expected);
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
