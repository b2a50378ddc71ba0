// Rows that see the same keys, and calls of attention for a few rows of one
// head: what verify() and compare() are made of.
#ifndef MASKWISE_INSPECT_VERIFY_ROWS_H_
#define MASKWISE_INSPECT_VERIFY_ROWS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attention/attention_checks.h"
#include "backend/forward_problem.h"
#include "maskwise/attention.h"
#include "maskwise/bound_mask.h"

namespace maskwise::detail {

// Rows of one (batch, head) that see the same keys, ascending.
struct RowGroup {
  int64_t batch = 0;
  int64_t head = 0;
  std::vector<int64_t> rows;
};

// The keys that the mask allows for a row and whose bias is not -inf.
KeyIntervals keys_seen(const BoundMask& mask, const Input& bias,
                       const ProblemRow& row);

// Equal intervals give equal bytes.
std::string bytes_of(const KeyIntervals& intervals);

// Every row of the shape once, in groups of at most `most_rows`; by batch,
// then head, then the first row of the group.
std::vector<RowGroup> group_rows(const BoundMask& mask, const Input& bias,
                                 int64_t most_rows);

// The keys of the intervals, one by one; and as a flag for each of `kv_len`.
std::vector<int64_t> keys_of(const KeyIntervals& intervals);
std::vector<uint8_t> key_flags(const KeyIntervals& intervals, int64_t kv_len);

// q, k and v of the problem: [B, H, L, D], f32.
TensorView q_of(const ForwardProblem& problem);
TensorView k_of(const ForwardProblem& problem);
TensorView v_of(const ForwardProblem& problem);

// The caller's options for the f32 [B, H, L, D] views of `inputs`, with
// nothing asked for beyond o, lse, m and l.
AttentionOptions whole_options(const AttentionOptions& options);

// The lines `places` of (batch, head) and of so many heads from it on, each
// `width` long: [1, heads, places, width].
Tensor cut_out(const Input& input, const ProblemRow& head,
               const std::vector<int64_t>& places, int64_t width,
               int64_t heads = 1);

// A call for some rows and some keys of one batch item, without k and v.
struct RowsCall {
  Tensor q;                  // [1, heads, rows, D]
  Tensor bias;               // [1, heads, rows, keys]; not defined: none
  Tensor slopes;             // [heads], with ALiBi; not defined: none
  Tensor q_positions;        // [rows]
  Tensor kv_positions;       // [keys]
  AttentionOptions options;  // scale, softcap, backend; on one thread

  // `options` that view the tensors above.
  AttentionOptions with_tensors() const;
};

// The rows of the group in so many heads from the group's on. Rows and keys
// keep the ALiBi positions that they have in the problem.
RowsCall cut_call(const ForwardProblem& problem, const RowGroup& group,
                  const std::vector<int64_t>& keys, Backend backend,
                  int64_t heads = 1);

// Throws Error (limit) when `tensors` f32 [B, H, Lq, Lk] take more than 4 GiB.
void require_pairs_fit(std::string_view operation, const ProblemShape& shape,
                       int64_t tensors);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_ROWS_H_
