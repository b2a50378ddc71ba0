// What training makes small: the cross-entropy of predicted symbols.
#ifndef MASKWISE_NN_LOSS_H_
#define MASKWISE_NN_LOSS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/module.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

struct CrossEntropyOptions {
  // Rows of this target are padding: absent. It need not be a class.
  std::optional<int64_t> pad = {};
  // In [0, 1): the share of a target that is spread over all V classes, itself
  // among them, as PyTorch's label_smoothing (Szegedy et al. 2016).
  float smoothing = 0;
};

struct CrossEntropy {
  Tensor losses;      // [...], f32; 0 at padding
  int64_t count = 0;  // rows that are no padding
};

// For each row x of logits [..., V], f32, with its target t of [...], i32 or
// i64, in nats:
//
//   loss = log(sum_v e^(x_v - m)) - (1 - s) (x_t - m) - s/V sum_v (x_v - m)
//
// m the largest x_v, s the smoothing. The exponentials and the logarithm are
// the library's own, and a sum over v is 16 chains in double, of every 16th
// class each, added in ascending order: the bits of a row depend on that row
// alone, on any machine. Of a padded row nothing is read.
//
// A row that holds NaN or +inf, or nothing but -inf, has loss NaN; one whose
// target is -inf, or with smoothing any class, has loss inf.
//
// Throws Error when logits are not f32 or have no class, when targets have
// another shape or type, when a target is neither a class nor padding, and
// when the smoothing is outside its range. `compute` changes no bit.
CrossEntropy cross_entropy(const TensorView& logits, const TensorView& targets,
                           const CrossEntropyOptions& options = {},
                           const Compute& compute = {});

// The gradient of the logits, where the loss of every row is multiplied by
// `factor` (1 / count for the mean over tokens): in each row
//
//   d_v = factor ((softmax_v - s/V) - (1 - s) [v = t])
//
// and exactly zero in padded rows, whatever their logits hold. NaN in the rows
// whose loss is NaN. Throws Error as cross_entropy(), and when the factor is
// not finite.
Tensor cross_entropy_backward(const TensorView& logits,
                              const TensorView& targets, float factor,
                              const CrossEntropyOptions& options = {},
                              const Compute& compute = {});

// The loss of each sentence: of losses [B, L] (or any [B, ...]), f32, the sums
// over each of B in ascending order, in double. Padding on either side adds
// nothing, so a sentence has the same bits in any batch. Throws Error when
// losses are not f32 or have no axis.
std::vector<double> sentence_losses(const TensorView& losses);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_LOSS_H_
