// Means of the rows of each sentence, without its padding.
#ifndef MASKWISE_LAYERS_SENTENCE_MEANS_H_
#define MASKWISE_LAYERS_SENTENCE_MEANS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "maskwise/tensor.h"

namespace maskwise::nn::detail {

class SentenceMeans {
 public:
  // Which sentence each row is of, and its token; rows of `pad` count for
  // nothing.
  SentenceMeans(const std::vector<int64_t>& sentences,
                std::span<const int64_t> ids, int64_t pad);

  // [S, E] of x [B, L, E]: chains over a sentence's rows in ascending order,
  // divided by their count; sentences in the order in which they first stand.
  Tensor of(const Tensor& x) const;

  // The gradient of x, of this shape, given that of the means.
  Tensor back(const Tensor& d_means, const Shape& shape) const;

 private:
  std::vector<int64_t> slots_;   // of each row: its sentence's row; -1: padding
  std::vector<float> inverses_;  // of each sentence: 1 / tokens, 0 for none
};

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_LAYERS_SENTENCE_MEANS_H_
