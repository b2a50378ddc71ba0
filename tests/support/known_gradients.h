// Gradients of a case, and which pairs they come from.
#ifndef MASKWISE_TESTS_SUPPORT_KNOWN_GRADIENTS_H_
#define MASKWISE_TESTS_SUPPORT_KNOWN_GRADIENTS_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <set>
#include <vector>

#include "tests/support/attention_rows.h"
#include "tests/support/gradient_parts.h"

namespace maskwise::testing {

using Indices = std::vector<int64_t>;

// One row of a [B, H, L, D] tensor.
inline Tensor row_at(const Tensor& bhld, int64_t b, int64_t h, int64_t row) {
  return rows_of(bhld, {b, h, row});
}

inline bool is_plus_zero(const Tensor& tensor) {
  const float* x = tensor.data<float>();
  return std::all_of(x, x + tensor.size(), [](float each) {
    return std::bit_cast<uint32_t>(each) == 0;
  });
}

// A case with its pairs and its gradients, in the order [B, H, L, D].
struct Known {
  explicit Known(const GradientCase& gradient)
      : of(gradient),
        pairs(gradient.call),
        gradients(gradient.run()),
        kv_heads(as_bhld(of.call, of.call.k).dim(1)),
        group(of.call.shape.heads / kv_heads) {
    dq = Tensor::copy_of(as_bhld(of.call, gradients.dq));
    dk = Tensor::copy_of(as_bhld(of.call, gradients.dk));
    dv = Tensor::copy_of(as_bhld(of.call, gradients.dv));
  }

  // Queries of a group of heads that see the key in any of these.
  Indices queries_of(int64_t b, int64_t kv_head, int64_t key) const {
    Indices queries;
    for (int64_t q = 0; q < of.call.shape.q_len; ++q) {
      for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
        if (!pairs.sees({b, h, q}, key)) continue;
        queries.push_back(q);
        break;
      }
    }
    return queries;
  }

  // Keys that any of these queries sees in any head of the group.
  Indices keys_of(int64_t b, int64_t kv_head, const Indices& queries) const {
    std::set<int64_t> keys;
    for (const int64_t q : queries) {
      for (int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h) {
        for (const int64_t k : pairs.keys_of({b, h, q})) keys.insert(k);
      }
    }
    return {keys.begin(), keys.end()};
  }

  template <typename Visit>
  void for_each_key(Visit visit) const {
    for (int64_t b = 0; b < of.call.shape.batch; ++b) {
      for (int64_t h = 0; h < kv_heads; ++h) {
        for (int64_t k = 0; k < of.call.shape.kv_len; ++k) visit(b, h, k);
      }
    }
  }

  GradientCase of;
  VisiblePairs pairs;
  AttentionGradients gradients;
  int64_t kv_heads;
  int64_t group;
  Tensor dq;
  Tensor dk;
  Tensor dv;
};

// A mask with rows that see nothing and keys that nobody sees, and
// what is left.
struct Gaps {
  Indices kept_queries;
  Indices kept_keys;
  Mask mask;
};

inline Gaps with_gaps(Rng& rng, int64_t q_len, int64_t kv_len) {
  Gaps gaps = {{}, {}, all()};
  for (int64_t q = 0; q < q_len; ++q) {
    if (!one_in(rng, 3)) gaps.kept_queries.push_back(q);
  }
  for (int64_t k = 0; k < kv_len; ++k) {
    if (!one_in(rng, 3)) gaps.kept_keys.push_back(k);
  }
  Tensor seen(DType::boolean, {q_len, kv_len});
  for (const int64_t q : gaps.kept_queries) {
    for (const int64_t k : gaps.kept_keys) {
      seen.mutable_data<bool>()[q * kv_len + k] = !one_in(rng, 4);
    }
  }
  gaps.mask = allow(seen);
  return gaps;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_KNOWN_GRADIENTS_H_
