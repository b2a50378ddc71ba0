// Texts as the batches that models read.
#ifndef MASKWISE_TRAINING_TEXT_BATCH_H_
#define MASKWISE_TRAINING_TEXT_BATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/text_model.h"
#include "maskwise/nn/token_batch.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn::detail {

// Lists of ids as [B, L], Vocabulary::kPad where no id is; of Padding::none as
// of Padding::right. Throws Error when the layout's `extra` is negative.
Tensor placed_ids(const std::vector<std::vector<int64_t>>& ids,
                  const BatchLayout& layout);

// What is dropped of each text follows its number and the seed alone; the
// numbers of a batch differ.
struct TextDropout {
  std::vector<int64_t> numbers;
  uint64_t seed = 0;
};

// Lists of ids in a batch, padded or packed.
class TextBatch {
 public:
  explicit TextBatch(const std::vector<std::vector<int64_t>>& ids,
                     const BatchLayout& layout = {},
                     const std::optional<TextDropout>& dropout = {});

  // What masks are made of: [B, L] with padding, or that of packing().
  const Tensor& ids() const { return ids_; }
  const std::optional<Packing>& packing() const { return packing_; }  // of none

  // For documents(), which hides padding as queries, too: 0 where a text is, -1
  // where padding is. Of padded texts.
  Tensor presence() const;

  // What a model reads: `filler` in the place of padding, where it is given.
  TokenBatch batch(std::optional<int64_t> filler = {}) const;

  // The rows of x, [.., E], f32, that are text `i`: [L, E].
  Tensor rows_of(const TensorView& x, size_t i) const;

  // The losses [.., ..] of the rows of each text, added in order.
  std::vector<LossSum> loss_sums(const Tensor& losses) const;

 private:
  Tensor ids_;
  std::optional<Packing> packing_;
  TokenRows rows_;
  std::vector<std::vector<int64_t>> texts_;  // the rows of each
};

std::vector<std::vector<int64_t>> sources_of(
    const std::vector<TextExample>& examples);

// By the numbers of the examples; none without a seed.
std::optional<TextDropout> dropout_of(const std::vector<TextExample>& examples,
                                      std::optional<uint64_t> seed);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_TEXT_BATCH_H_
