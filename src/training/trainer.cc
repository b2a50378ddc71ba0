#include "maskwise/nn/trainer.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/fail.h"
#include "maskwise/nn/checkpoint.h"
#include "maskwise/nn/dataset.h"
#include "training/gradient_shards.h"
#include "training/random.h"

namespace maskwise::nn {
namespace detail {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "trainer";

// Names of a checkpoint's numbers.
constexpr const char* kEpoch = "epoch";
constexpr const char* kBatch = "batch";
constexpr const char* kUpdate = "update";
constexpr const char* kSeed = "seed";
constexpr const char* kExamples = "examples";

// What no part of a trainer looks at before its first update.
void check_options(const TrainerOptions& options) {
  if (!(options.most_norm > 0)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "most_norm is {}; expected a number above 0", options.most_norm);
  }
  if (!(options.smoothing >= 0 && options.smoothing < 1)) {
    fail(ErrorCode::invalid_argument, kOperation,
         "smoothing is {}; expected a number from 0 on and below 1",
         options.smoothing);
  }
}

// Everything of a trainer.
struct TrainerData {
  TrainerData(TextModel& trained, std::vector<TextExample> all,
              const TrainerOptions& how)
      : model(trained),
        examples(std::move(all)),
        options(how),
        adam(trained.module(), how.adam),
        shards(trained, kGradientShards) {
    if (examples.empty()) {
      fail(ErrorCode::invalid_argument, kOperation,
           "no example to train on; expected at least 1");
    }
    learning_rate(options.schedule, 0.0);
    check_options(options);
    for (size_t i = 0; i < examples.size(); ++i) {
      examples[i].number = static_cast<int64_t>(i);
    }
    begin_epoch(0);
  }

  void begin_epoch(int64_t number) {
    std::vector<ExampleLength> lengths;
    for (const TextExample& one : examples) {
      lengths.push_back({std::ssize(one.source), std::ssize(one.target)});
    }
    epoch = number;
    batch = 0;
    order = batches(lengths, {.most_examples = options.examples,
                              .seed = options.seed,
                              .epoch = epoch});
  }

  std::vector<TextExample> next_batch() {
    if (batch == std::ssize(order)) begin_epoch(epoch + 1);
    std::vector<TextExample> chosen;
    for (const int64_t i : order[static_cast<size_t>(batch++)]) {
      chosen.push_back(examples[static_cast<size_t>(i)]);
    }
    return chosen;
  }

  // As bytes, which a checkpoint's numbers hold with their sign.
  int64_t seed() const { return static_cast<int64_t>(options.seed); }

  TextModel& model;
  std::vector<TextExample> examples;
  TrainerOptions options;
  Adam adam;
  GradientShards shards;
  int64_t updates = 0;  // those that were left out, too
  int64_t epoch = 0;
  int64_t batch = 0;  // the next of this epoch
  std::vector<std::vector<int64_t>> order;
};

namespace {

int64_t targets_of(const std::vector<TextExample>& examples, Task task) {
  const int64_t ends = task == Task::seq2seq ? 1 : 0;
  int64_t targets = 0;
  for (const TextExample& one : examples) {
    targets += std::ssize(one.target) + ends;
  }
  return targets;
}

int64_t number_in(const CheckpointNumbers& numbers, const std::string& path,
                  const char* name) {
  const auto found = numbers.find(name);
  if (found != numbers.end() &&
      std::holds_alternative<int64_t>(found->second)) {
    return std::get<int64_t>(found->second);
  }
  fail(
      ErrorCode::io, kOperation,
      "'{}': expected the whole number '{}'; it is no checkpoint of a training",
      path, name);
}

}  // namespace
}  // namespace detail

Trainer::Trainer(TextModel& model, std::vector<TextExample> examples,
                 const TrainerOptions& options)
    : data_(std::make_unique<detail::TrainerData>(model, std::move(examples),
                                                  options)) {}

Trainer::Trainer(Trainer&&) noexcept = default;
Trainer& Trainer::operator=(Trainer&&) noexcept = default;
Trainer::~Trainer() = default;

int64_t Trainer::updates() const { return data_->updates; }

UpdateReport Trainer::update(double share, const Compute& compute) {
  detail::TrainerData& data = *data_;
  Module& module = data.model.module();
  const std::vector<TextExample> examples = data.next_batch();
  const int64_t targets =
      detail::targets_of(examples, data.model.options().task);
  UpdateReport report = {.update = ++data.updates, .epoch = data.epoch};
  const auto stream = static_cast<uint64_t>(report.update);
  module.zero_gradients();
  report.loss = data.shards.add_gradients(
      examples,
      {.factor = static_cast<float>(1.0 / static_cast<double>(targets)),
       .smoothing = data.options.smoothing,
       .dropout = detail::Random(data.options.seed, stream).next()},
      compute);
  report.rate = learning_rate(data.options.schedule, share);
  report.norm = clip_gradients(module, data.options.most_norm);
  if (std::isfinite(report.norm)) data.adam.step(module, report.rate);
  return report;
}

void Trainer::save(const std::string& path, const CheckpointNumbers& own) {
  const detail::TrainerData& data = *data_;
  CheckpointNumbers numbers = own;
  numbers[detail::kEpoch] = data.epoch;
  numbers[detail::kBatch] = data.batch;
  numbers[detail::kUpdate] = data.updates;
  numbers[detail::kSeed] = data.seed();
  numbers[detail::kExamples] = std::ssize(data.examples);
  save_checkpoint(path, data.model.module(), data.adam, numbers);
}

CheckpointNumbers Trainer::load(const std::string& path) {
  detail::TrainerData& data = *data_;
  CheckpointNumbers numbers =
      load_checkpoint(path, data.model.module(), data.adam);
  const auto taken = [&](const char* name) {
    const int64_t value = detail::number_in(numbers, path, name);
    numbers.erase(name);
    return value;
  };
  const int64_t seed = taken(detail::kSeed);
  const int64_t examples = taken(detail::kExamples);
  if (seed != data.seed() || examples != std::ssize(data.examples)) {
    detail::fail(ErrorCode::io, detail::kOperation,
                 "'{}' is of a training of {} examples with seed {}; expected "
                 "{} examples and seed {}",
                 path, examples, seed, data.examples.size(), data.seed());
  }
  const int64_t epoch = taken(detail::kEpoch);
  const int64_t batch = taken(detail::kBatch);
  const int64_t updates = taken(detail::kUpdate);
  data.begin_epoch(std::max<int64_t>(0, epoch));
  const auto most = std::ssize(data.order);
  if (epoch < 0 || updates < 0 || batch < 0 || batch > most) {
    detail::fail(ErrorCode::io, detail::kOperation,
                 "'{}' stands at update {}, epoch {}, batch {}; expected an "
                 "epoch of {} batches, as of as many examples an update",
                 path, updates, epoch, batch, most);
  }
  data.batch = batch;
  data.updates = updates;
  return numbers;
}

}  // namespace maskwise::nn
