#include "train_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "maskwise/maskwise.h"
#include "maskwise/nn/metrics.h"
#include "maskwise/nn/trainer.h"
#include "text_lines.h"
#include "train_report.h"

namespace maskwise::cli {
namespace {

// Evaluations, and checkpoints, of a training; reports between two of them.
constexpr int64_t kEvaluations = 10;
constexpr int64_t kReports = 20;

// Numbers of ours in a checkpoint; one without the settings is an older one.
constexpr const char* kSettings = "settings";
constexpr const char* kSeconds = "seconds";
constexpr const char* kBestWrong = "best_wrong";
constexpr const char* kBestLoss = "best_loss";
constexpr const char* kBestEdits = "best_edits";

double mean_loss(nn::TextModel& model,
                 const std::vector<nn::TextExample>& examples,
                 const nn::Compute& compute) {
  constexpr size_t kTogether = 256;
  nn::LossSum all;
  for (size_t i = 0; i < examples.size(); i += kTogether) {
    const auto first = examples.begin() + static_cast<std::ptrdiff_t>(i);
    const auto last = examples.begin() + static_cast<std::ptrdiff_t>(std::min(
                                             examples.size(), i + kTogether));
    for (const nn::LossSum& one : model.losses({first, last}, compute)) {
      all += one;
    }
  }
  return all.mean();
}

template <typename Number>
Number number_in(const nn::CheckpointNumbers& numbers, const char* name,
                 const std::string& path) {
  const auto found = numbers.find(name);
  if (found != numbers.end() && std::holds_alternative<Number>(found->second)) {
    return std::get<Number>(found->second);
  }
  throw Error(ErrorCode::io,
              fmt::format("[train] '{}' holds no number '{}'; it is no "
                          "checkpoint of this tool",
                          path, name));
}

void check_settings(const nn::CheckpointNumbers& numbers, const TrainRun& run) {
  const auto then = numbers.find(kSettings);
  const nn::CheckpointNumbers::mapped_type now = number_of(run.settings);
  if (then == numbers.end() || then->second == now) return;
  throw Error(ErrorCode::io,
              fmt::format("[train] '{}' was begun with other settings or pairs "
                          "than '{}' says; expected the files of one training: "
                          "copy them together again, or undo what was changed: "
                          "only updates and seconds may be",
                          last_file(run.folder), settings_file(run.folder)));
}

// A training that runs, with its clock.
class Running {
 public:
  explicit Running(const TrainRun& run)
      : run_(run),
        trainer_(run.model, run.examples, run.settings.trainer_options()),
        report_(run.settings.parsed_task(), run.progress) {
    if (resumes(run.state)) resume();
  }

  void go() {
    moment_.was_done = used() >= 1;
    // The best model was deleted, or not yet written: now it is this one.
    if (run_.state == FolderState::without_model) keep_if_best(dev_figures());
    next_evaluation_ = next_of(kEvaluations);
    next_report_ = next_of(kEvaluations * kReports);
    while (used() < 1) {
      moment_.update = trainer_.update(next_share(), run_.compute);
      count();
      const double share = used_by(trainer_.updates());
      if (share >= next_evaluation_) {
        evaluate();
        next_evaluation_ = next_of(kEvaluations);
        next_report_ = next_of(kEvaluations * kReports);
      } else if (share >= next_report_) {
        report_.progress(moment_);
        next_report_ = next_of(kEvaluations * kReports);
      }
    }
    if (!best_) evaluate();
    if (!moment_.was_done) {
      // The last evaluation may have used up what was left of the seconds.
      if (run_.settings.seconds) save_training();
      moment_.seconds = seconds();
    }
    report_.done(moment_, *best_, run_.folder);
  }

 private:
  using Clock = std::chrono::steady_clock;

  double seconds() const {
    return seconds_before_ +
           std::chrono::duration<double>(Clock::now() - begin_).count();
  }

  // The share of the budget after that many updates, now.
  double used_by(int64_t updates) const {
    const TrainSettings& settings = run_.settings;
    if (settings.seconds) return seconds() / *settings.seconds;
    return static_cast<double>(updates) /
           static_cast<double>(*settings.updates);
  }
  double used() const { return used_by(trainer_.updates()); }
  // That of the update to come, for its learning rate.
  double next_share() const { return used_by(trainer_.updates() + 1); }

  // The next of n equal parts of the budget.
  double next_of(int64_t n) const {
    const auto parts = static_cast<double>(n);
    return (static_cast<double>(static_cast<int64_t>(used() * parts + 1e-9)) +
            1) /
           parts;
  }

  void count() {
    since_ += moment_.update.loss;
    moment_.loss = since_.mean();
    moment_.seconds = seconds();
    moment_.share = std::min(1.0, used());
    const double run_seconds = moment_.seconds - seconds_before_;
    const auto updates =
        static_cast<double>(trainer_.updates() - updates_before_);
    const auto batch = static_cast<double>(
        std::min<int64_t>(run_.settings.batch, std::ssize(run_.examples)));
    moment_.examples_per_second =
        run_seconds > 0 ? updates * batch / run_seconds : 0;
  }

  nn::ErrorRates rates_of(const std::vector<std::string>& answers) const {
    return nn::error_rates(nn::sides(run_.dev, &nn::TextPair::target), answers,
                           run_.model.target_split());
  }

  DevFigures dev_figures() {
    nn::TextModel& model = run_.model;
    const std::vector<std::string> answers = model.predict(
        nn::sides(run_.dev, &nn::TextPair::source), {.beam = 1}, run_.compute);
    const double loss = mean_loss(model, run_.dev_examples, run_.compute);
    if (!std::isfinite(loss)) {
      throw Error(
          ErrorCode::invalid_argument,
          fmt::format("[train] after update {} the loss on --dev is {}; "
                      "expected a finite one, try a smaller --rate",
                      trainer_.updates(), loss));
    }
    return {loss, rates_of(answers)};
  }

  void evaluate() {
    const DevFigures found = dev_figures();
    report_.evaluated(moment_, found, keep_if_best(found));
    since_ = {};
  }

  // Saves the training, and the model if it is the best so far; whether it is.
  bool keep_if_best(const DevFigures& found) {
    const bool is_best =
        !best_ || found.rates.wrong < best_->rates.wrong ||
        (found.rates.wrong == best_->rates.wrong && found.loss < best_->loss);
    if (is_best) {
      // A kill may come between any two files: a model is never without the
      // training it is of; one that is without its model, or older than it,
      // makes the same model again.
      const bool is_first = !best_;
      best_ = found;
      if (is_first) save_training();
      run_.model.save(run_.folder);
    }
    save_training();
    return is_best;
  }

  void save_training() {
    trainer_.save(last_file(run_.folder),
                  {{kSettings, number_of(run_.settings)},
                   {kSeconds, seconds()},
                   {kBestWrong, best_->rates.wrong},
                   {kBestEdits, best_->rates.edits},
                   {kBestLoss, best_->loss}});
  }

  void resume() {
    const std::string path = last_file(run_.folder);
    const nn::CheckpointNumbers numbers = trainer_.load(path);
    check_settings(numbers, run_);
    seconds_before_ = number_in<double>(numbers, kSeconds, path);
    updates_before_ = trainer_.updates();
    moment_.update.update = trainer_.updates();
    moment_.seconds = seconds_before_;
    if (run_.state == FolderState::without_model) return;
    best_ = DevFigures();
    best_->loss = number_in<double>(numbers, kBestLoss, path);
    best_->rates = rates_of(nn::sides(run_.dev, &nn::TextPair::target));
    best_->rates.wrong = number_in<int64_t>(numbers, kBestWrong, path);
    best_->rates.edits = number_in<int64_t>(numbers, kBestEdits, path);
  }

  const TrainRun& run_;
  nn::Trainer trainer_;
  TrainReport report_;
  TrainMoment moment_;
  nn::LossSum since_;
  std::optional<DevFigures> best_;
  double seconds_before_ = 0;
  int64_t updates_before_ = 0;
  double next_evaluation_ = 0;
  double next_report_ = 0;
  Clock::time_point begin_ = Clock::now();
};

}  // namespace

std::vector<nn::TextExample> encoded(const nn::TextModel& model,
                                     const std::vector<nn::TextPair>& pairs,
                                     const std::string& path) {
  std::vector<nn::TextExample> examples;
  for (const nn::TextPair& pair : pairs) {
    try {
      examples.push_back(model.encode(pair));
    } catch (const Error& error) {
      fail_at({path, examples.size() + 1}, "train", error);
    }
  }
  return examples;
}

void run_training(const TrainRun& run) { Running(run).go(); }

}  // namespace maskwise::cli
