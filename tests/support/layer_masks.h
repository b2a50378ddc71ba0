// Masks of layers for tests of gradients: every kind of absence at once.
#ifndef MASKWISE_TESTS_SUPPORT_LAYER_MASKS_H_
#define MASKWISE_TESTS_SUPPORT_LAYER_MASKS_H_

#include <cstdint>

#include "tests/support/attention_case.h"
#include "tests/support/layer_oracle.h"

namespace maskwise::testing {

// [B, H, Lq, Lk]: pairs at random; in the first batch item query 1 sees no key
// and no query sees key 2.
inline Tensor mask_with_gaps(Rng& rng, const AttentionShape& shape) {
  const auto& [batch, heads, q_len, kv_len] = shape;
  Tensor seen = random_bools(rng, {batch, heads, q_len, kv_len}, 0.7);
  bool* at = seen.mutable_data<bool>();
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t q = 0; q < q_len; ++q) {
      for (int64_t k = 0; k < kv_len; ++k, ++at) {
        if (q == 1 || k == 2) *at = false;
      }
    }
  }
  return seen;
}

inline Visible visible_in(const Tensor& seen) {
  return [=](int64_t b, int64_t h, int64_t q, int64_t k) {
    return seen.data<
        bool>()[((b * seen.dim(1) + h) * seen.dim(2) + q) * seen.dim(3) + k];
  };
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_LAYER_MASKS_H_
