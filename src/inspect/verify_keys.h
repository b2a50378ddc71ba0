// Keys that the same rows see: what verify_gradients() checks dk and dv by.
#ifndef MASKWISE_INSPECT_VERIFY_KEYS_H_
#define MASKWISE_INSPECT_VERIFY_KEYS_H_

#include <cstdint>
#include <vector>

#include "backend/forward_problem.h"
#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// Keys of one (batch, kv head) that the same rows see, ascending.
struct KeyGroup {
  int64_t batch = 0;
  int64_t kv_head = 0;
  std::vector<int64_t> keys;
  // The rows h * Lq + q, with h counted from the first query head of the kv
  // head.
  KeyIntervals rows;
};

// Every key of every kv head once, in groups of at most `most_keys`; by batch,
// then kv head, then the first key of the group. Memory: what each kv head's
// keys are seen by, as intervals.
std::vector<KeyGroup> group_keys(const BoundMask& mask, const Input& bias,
                                 int64_t kv_heads, int64_t most_keys);

// The queries that are a row of the group in one head or more, ascending.
std::vector<int64_t> queries_of(const KeyGroup& group, int64_t q_len);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_KEYS_H_
