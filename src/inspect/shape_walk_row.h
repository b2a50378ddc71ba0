// One row of logits with numbers, computed by attention() itself.
#ifndef MASKWISE_INSPECT_SHAPE_WALK_ROW_H_
#define MASKWISE_INSPECT_SHAPE_WALK_ROW_H_

#include <cstdint>
#include <optional>

#include "maskwise/bound_mask.h"
#include "maskwise/inspect.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

// Token ids of the keys, [B, Lk] i64, and of the queries: the same when they
// are the same tokens (Lq = Lk), else numbers that no key has.
class WalkIds {
 public:
  WalkIds(const AttentionShape& shape, const TensorView& token_ids,
          int64_t pad);

  int64_t key(int64_t b, int64_t k) const;
  int64_t query(int64_t b, int64_t q) const;
  bool is_padded_query(int64_t b, int64_t q) const;

 private:
  AttentionShape shape_;
  Tensor ids_;  // not defined: each position has its own
  int64_t pad_;
};

// What one row needs of q and k, f32: [1, 1, 1, D] and [1, 1, Lk, D].
struct RowHeads {
  Tensor q;
  Tensor k;
};

// Heads of `depth` channels of the made-up embedding.
RowHeads made_up_heads(const WalkIds& ids, int64_t kv_len, int64_t depth,
                       const PairIndex& row);

// The row's own of q [B, H, Lq, D] and k [B, Hkv, Lk, D].
RowHeads heads_of(const TensorView& q, const TensorView& k,
                  const PairIndex& row);

// The logits of the row, what the mask leaves of them, and their weights.
LogitRow logit_row(const BoundMask& mask, const RowHeads& heads,
                   std::optional<float> scale, const PairIndex& row);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_SHAPE_WALK_ROW_H_
