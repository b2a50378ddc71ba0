// What a training is told, and what of it a folder keeps for --resume.
#ifndef MASKWISE_CLI_TRAIN_SETTINGS_H_
#define MASKWISE_CLI_TRAIN_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "maskwise/nn/text_model.h"
#include "maskwise/nn/trainer.h"

namespace maskwise::cli {

// All of it is in training.json, and none of it may change when a training is
// resumed: it would not be the same training.
struct TrainSettings {
  std::string task = "seq2seq";
  std::string preset = "tiny";
  std::string split = "auto";
  int64_t seed = 1;
  std::optional<int64_t> updates;  // the budget: one of the two
  std::optional<double> seconds;
  int64_t batch = 256;
  double rate = 2e-3;
  std::optional<double> dropout;  // default: the preset's
  double smoothing = 0.1;
  std::string train_digest;  // nn::digest() of the pairs it was begun with
  std::string dev_digest;

  // Throws Error for unknown names and for options that do not fit.
  nn::Task parsed_task() const;
  nn::TextModelOptions model_options() const;
  nn::TrainerOptions trainer_options() const;
};

// Updates of a preset when no budget is given.
int64_t usual_updates(const std::string& preset);

void save_settings(const std::string& folder, const TrainSettings& settings);

// A number that is another one when the settings or the pairs are, but for the
// budget: a training that is there may be given more time.
int64_t number_of(const TrainSettings& settings);

// Throws Error (io) that names the file and what is wrong with it.
TrainSettings load_settings(const std::string& folder);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TRAIN_SETTINGS_H_
