// What a training tells while it runs.
#ifndef MASKWISE_CLI_TRAIN_REPORT_H_
#define MASKWISE_CLI_TRAIN_REPORT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "maskwise/nn/metrics.h"
#include "maskwise/nn/text_model.h"
#include "maskwise/nn/trainer.h"

namespace maskwise::cli {

// How good a model is on the pairs of --dev.
struct DevFigures {
  double loss = 0;  // mean over targets, in nats
  nn::ErrorRates rates;
};

// Where a training stands.
struct TrainMoment {
  nn::UpdateReport update;
  double loss = 0;     // mean over the targets since the last moment
  double seconds = 0;  // of this training, over all its runs
  double share = 0;    // of the budget
  double examples_per_second = 0;
  bool was_done = false;  // already, when this run began
};

enum class ProgressStyle {
  line,   // one that renews itself, for terminals
  lines,  // one for each evaluation
  json,   // JSON lines
};

// That of --progress; of "auto" a line on a terminal and JSON elsewhere. Throws
// Error for another name.
ProgressStyle progress_style(const std::string& name);

class TrainReport {
 public:
  TrainReport(nn::Task task, ProgressStyle style);

  void progress(const TrainMoment& moment);
  // After progress(): what the model is worth now.
  void evaluated(const TrainMoment& moment, const DevFigures& dev,
                 bool is_best);
  void done(const TrainMoment& moment, const DevFigures& best,
            const std::string& folder);

 private:
  void line(const std::string& text);

  std::string text_of(const TrainMoment& moment) const;

  nn::Task task_;
  ProgressStyle style_;
  std::string dev_text_;  // of the last evaluation
};

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TRAIN_REPORT_H_
