// A training from its first update, or the one it was stopped at, to its last.
#ifndef MASKWISE_CLI_TRAIN_RUN_H_
#define MASKWISE_CLI_TRAIN_RUN_H_

#include <string>
#include <vector>

#include "maskwise/nn/dataset.h"
#include "maskwise/nn/text_model.h"
#include "train_folder.h"
#include "train_report.h"
#include "train_settings.h"

namespace maskwise::cli {

// The pairs of a file as examples of a model. Throws Error that names the file
// and the line.
std::vector<nn::TextExample> encoded(const nn::TextModel& model,
                                     const std::vector<nn::TextPair>& pairs,
                                     const std::string& path);

struct TrainRun {
  nn::TextModel& model;
  const std::vector<nn::TextExample>& examples;
  const std::vector<nn::TextPair>& dev;
  const std::vector<nn::TextExample>& dev_examples;
  const TrainSettings& settings;
  std::string folder;
  nn::Compute compute;
  ProgressStyle progress = ProgressStyle::json;
  FolderState state = FolderState::fresh;
};

// Trains, and keeps in the folder the model that was best on dev
// (model.safetensors) and the training itself (last.safetensors), both written
// at each tenth of the budget. A training without its model goes on from what
// it has come to, which is then the best.
void run_training(const TrainRun& run);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TRAIN_RUN_H_
