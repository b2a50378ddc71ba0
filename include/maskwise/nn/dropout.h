// Dropout whose choices belong to the token, not to its place in the batch.
#ifndef MASKWISE_NN_DROPOUT_H_
#define MASKWISE_NN_DROPOUT_H_

#include <cstdint>

#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// Drops features with a probability p and divides those that stay by 1 - p
// (Srivastava et al. 2014). What is dropped is a function of the seed, the
// site, the token's sentence and position and the feature: a counter is hashed,
// nothing is drawn in order, so splitting, shuffling, padding or packing a
// batch changes no choice. p is rounded to a multiple of 2^-16.
class Dropout {
 public:
  // `site`: a number that no other dropout of the model has, lest both drop the
  // same. Throws Error unless 0 <= p < 1.
  explicit Dropout(double p = 0, uint64_t site = 0);

  double p() const { return p_; }
  // Whether rows with this seed, or without one, are changed.
  bool is_active(const TokenRows& rows) const {
    return p_ > 0 && rows.dropout.has_value();
  }

  // x: [B, L, ...], f32, with its rows. Without a seed, or p = 0: x itself.
  // A dropped feature is 0 whatever it was, NaN included. Throws Error when the
  // rows do not fit x. Applied to a gradient of y it gives that of x.
  Tensor apply(const TensorView& x, const TokenRows& rows) const;

 private:
  double p_;
  uint64_t site_;
  uint32_t kept_;  // of 65,536 draws
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_DROPOUT_H_
