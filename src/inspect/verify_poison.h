// Poison for masked keys: contents that must change nothing.
#ifndef MASKWISE_INSPECT_VERIFY_POISON_H_
#define MASKWISE_INSPECT_VERIFY_POISON_H_

#include <array>
#include <cstdint>
#include <vector>

#include "backend/forward_problem.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"
#include "plan/plan_data.h"

namespace maskwise::detail {

// The bits of the six kinds, as f32.
inline constexpr std::array<uint32_t, 6> kPoisons = {
    0x7FC00000,  // quiet NaN
    0x7F800001,  // signalling NaN
    0x7F800000,  // +Inf
    0xFF800000,  // -Inf
    0x7149F2CA,  // 1e30
    0x00000001,  // the smallest denormal
};

inline constexpr auto kPoisonCount = static_cast<int64_t>(kPoisons.size());

// One copy of the k and v of a kv head for each kind of poison, in which every
// masked key is overwritten. Kept from call to call: only the keys whose
// answer changes are written again.
class PoisonedKeys {
 public:
  explicit PoisonedKeys(const ForwardProblem& problem);

  // Poisons the keys k of (batch, kv_head) with seen[k] == 0 and restores the
  // others.
  void poison_unseen(int64_t batch, int64_t kv_head,
                     const std::vector<uint8_t>& seen);

  TensorView k() const;  // [6, 1, Lk, D]
  TensorView v() const;  // [6, 1, Lk, Dv]

 private:
  // Whether a key of the copies holds its own contents, poison, or those of
  // another head.
  enum class State : uint8_t { poisoned, own, foreign };

  void write_key(int64_t key, State state);

  const ForwardProblem& problem_;
  int64_t batch_ = -1;
  int64_t kv_head_ = -1;
  std::vector<State> states_;
  std::vector<float> k_;
  std::vector<float> v_;
};

// With the row that sees the other keys, the rows of a call are one row block.
inline constexpr int64_t kMostWatchedRows = kBlockRows - 1;

// `rows` rows that see the flagged keys, and one row more that sees the others:
// it makes a kernel walk the poison, and its own result is ignored. One batch
// item for each kind of poison.
MaskPlan watched_plan(const std::vector<uint8_t>& seen, int64_t rows);

// `lines` [1, heads, count, width] once for each kind of poison, with the
// lines that are not flagged (heads outermost) overwritten: [6, heads, count,
// width].
Tensor poisoned_lines(const Tensor& lines, const std::vector<uint8_t>& seen);

// `bias` [1, 1, rows, Lk] once for each kind of poison, poisoned at the unseen
// keys of every row but the last, which is 0 throughout: [6, 1, rows, Lk].
Tensor poisoned_bias(const Tensor& bias, const std::vector<uint8_t>& seen);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_POISON_H_
