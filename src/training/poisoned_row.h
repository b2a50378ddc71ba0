// An embedded token that holds NaN for a while.
#ifndef MASKWISE_TRAINING_POISONED_ROW_H_
#define MASKWISE_TRAINING_POISONED_ROW_H_

#include <cstdint>
#include <vector>

#include "maskwise/nn/embedding.h"

namespace maskwise::nn::detail {

// The vector of a token: NaN from here on, as it was in the end.
class PoisonedRow {
 public:
  PoisonedRow(TokenEmbedding& embedding, int64_t token);
  ~PoisonedRow();
  PoisonedRow(const PoisonedRow&) = delete;
  PoisonedRow& operator=(const PoisonedRow&) = delete;

 private:
  float* at_;
  std::vector<float> values_;
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_POISONED_ROW_H_
