// The proof, on a model and its texts, that masked means absent.
#ifndef MASKWISE_NN_VERIFY_MODEL_H_
#define MASKWISE_NN_VERIFY_MODEL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/nn/dataset.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/text_model.h"

namespace maskwise::nn {

// Numbers that were held against others, and bits of them that differ. One NaN
// is as good as another: what a model that has diverged gives is NaN anywhere,
// but its sign is nothing that is promised.
struct BitCount {
  int64_t compared = 0;
  int64_t changed = 0;
};

// What one change of a batch does; nothing where it cannot be asked.
struct BatchChange {
  std::string name;                    // "padding_left", ...
  std::string text;                    // what was done, for people
  std::optional<BitCount> losses;      // of each text
  std::optional<BitCount> symbols;     // gradients of each embedded symbol
  std::optional<BitCount> parameters;  // gradients of each parameter
  std::optional<BitCount> answers;     // bytes of each answer
};

struct ModelReport {
  int64_t texts = 0;
  int64_t symbols = 0;  // that the model read
  std::vector<BatchChange> changes;

  int64_t bits_changed() const;  // 0, or there is a leak
};

// Reads the pairs as one batch whose padding is deleted, and holds against it,
// bit by bit, what becomes of each text when its batch mates are taken away or
// stand in another order ("alone", "reversed"), when there is padding
// ("padding_right", "padding_left", "padding_between"), when padding is read as
// a symbol whose vector holds NaN ("padding_poisoned"; of a Transformer), and
// on other threads ("threads"): losses, gradients of every embedded symbol and
// of every parameter, and answers by beam search. Dropout is off. Throws Error
// when there is no pair, or one that the model cannot read. Cost: the gradients
// of each text about seven times, and six answers.
ModelReport verify_model(TextModel& model, const std::vector<TextPair>& pairs,
                         const PredictOptions& options = {},
                         const Compute& compute = {});

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_VERIFY_MODEL_H_
