// Training of a TextModel, update by update.
#ifndef MASKWISE_NN_TRAINER_H_
#define MASKWISE_NN_TRAINER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "maskwise/nn/checkpoint.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/optimizer.h"
#include "maskwise/nn/schedule.h"
#include "maskwise/nn/text_model.h"

namespace maskwise::nn {

struct TrainerOptions {
  int64_t examples = 256;  // of an update, at most
  ScheduleOptions schedule = {};
  AdamOptions adam = {};
  double most_norm = 1;    // of all gradients together: see clip_gradients()
  float smoothing = 0.1F;  // of targets
  uint64_t seed = 1;       // of the order of examples, and of what is dropped
};

// What an update did.
struct UpdateReport {
  int64_t update = 0;  // the first is 1
  int64_t epoch = 0;   // the first is 0
  LossSum loss = {};   // with smoothing and dropout
  double rate = 0;
  double norm = 0;  // of the gradients; not finite: the update was left out
};

namespace detail {
struct TrainerData;
}  // namespace detail

// The gradients of an update are computed in kGradientShards parts, neighbours
// in the batch, each by one thread, and added in order: threads change no bit.
inline constexpr int64_t kGradientShards = 4;

// Adam on mean losses over the targets of a batch. The same model, examples,
// options and shares of the budget give the same parameters, bit for bit, with
// any threads, on any machine. The model must outlive it.
class Trainer {
 public:
  // Examples are numbered anew, by their place. Throws Error when there is
  // none, or an option does not fit.
  Trainer(TextModel& model, std::vector<TextExample> examples,
          const TrainerOptions& options);
  Trainer(Trainer&&) noexcept;
  Trainer& operator=(Trainer&&) noexcept;
  ~Trainer();

  int64_t updates() const;  // so far

  // One update, where `share` of the budget is used (see learning_rate()).
  UpdateReport update(double share, const Compute& compute = {});

  // Everything that the next update depends on, as save_checkpoint() writes it;
  // load() takes it into a trainer of the same model, examples and options,
  // which goes on as if it had not been stopped, and returns the caller's own
  // numbers. Throws Error that names the file when it does not fit; the trainer
  // is then not to be used.
  void save(const std::string& path, const CheckpointNumbers& own = {});
  CheckpointNumbers load(const std::string& path);

 private:
  std::unique_ptr<detail::TrainerData> data_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TRAINER_H_
