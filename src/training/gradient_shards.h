// The gradients of a batch, computed in parts at once and added in order.
#ifndef MASKWISE_TRAINING_GRADIENT_SHARDS_H_
#define MASKWISE_TRAINING_GRADIENT_SHARDS_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "maskwise/nn/text_model.h"

namespace maskwise::nn::detail {

class GradientShards {
 public:
  // Parts of gradients of their own for a model.
  GradientShards(TextModel& model, int64_t shards);

  // Adds to the model's gradients those of the examples, as
  // TextModel::add_gradients() says. The parts are neighbours with about as
  // many symbols each, whatever the threads are.
  LossSum add_gradients(const std::vector<TextExample>& examples,
                        const LossOptions& options, const Compute& compute);

 private:
  TextModel& model_;
  std::vector<std::unique_ptr<TextModel>> twins_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_GRADIENT_SHARDS_H_
