// Examples as the packed batches that models read.
#ifndef MASKWISE_TRAINING_TEXT_BATCH_H_
#define MASKWISE_TRAINING_TEXT_BATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/text_model.h"
#include "maskwise/nn/token_batch.h"
#include "maskwise/nn/token_rows.h"

namespace maskwise::nn::detail {

// Lists of ids, one after the other, without padding.
class PackedTexts {
 public:
  // `numbers`: the example that each list is of, which what is dropped follows
  // and nothing else does; each another one.
  PackedTexts(const std::vector<std::vector<int64_t>>& ids,
              const std::vector<int64_t>& numbers,
              std::optional<uint64_t> dropout);

  const Packing& packing() const { return packing_; }
  TokenBatch batch() const { return {packing_.ids(), rows_}; }

 private:
  Packing packing_;
  TokenRows rows_;
};

// One part of each example.
std::vector<std::vector<int64_t>> sources_of(
    const std::vector<TextExample>& examples);
std::vector<int64_t> numbers_of(const std::vector<TextExample>& examples);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_TEXT_BATCH_H_
