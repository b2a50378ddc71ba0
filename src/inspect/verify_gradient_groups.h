// The small calls of verify_gradients(): a few rows, or a few keys, without all
// that they may not see or with poison in it.
#ifndef MASKWISE_INSPECT_VERIFY_GRADIENT_GROUPS_H_
#define MASKWISE_INSPECT_VERIFY_GRADIENT_GROUPS_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "inspect/verify.h"
#include "inspect/verify_keys.h"
#include "inspect/verify_loss_call.h"
#include "inspect/verify_poison.h"
#include "maskwise/attention_backward.h"

namespace maskwise::detail {

// The arguments of attention_backward().
struct BackwardCall {
  TensorView q;
  TensorView k;
  TensorView v;
  const MaskPlan& plan;
  const AttentionResult& forward;
  TensorView d_o;
  AttentionOptions options;
  GradientOptions gradients;
};

// A function with its results. Called from several threads at once.
using Differentiate = std::function<AttentionGradients(const BackwardCall&)>;

// The call that the small ones are held against.
struct WholeCall {
  const Attend& attend;
  const Differentiate& differentiate;
  const LossProblem& loss;
  const MaskPlan& plan;
  Backend backend = Backend::cpu;
  AttentionResult result = {};
  AttentionGradients gradients = {};
};

// What the rows of a group gave.
struct RowFindings {
  int64_t masked = 0;         // pairs of the group
  std::vector<int64_t> bits;  // that changed, of each row
  std::vector<int64_t> keys;  // that the rows see
  Tensor d_scores;            // with a bias: [1, 1, rows, keys]
};

// o, m, l and dq of the rows, with the keys that they see alone in memory, and
// with poison in the others; rows that see none are poisoned themselves. The
// gradients of pairs and keys of both are held against each other; bits of
// those that changed are the first row's.
RowFindings check_row_gradients(const WholeCall& whole, const RowGroup& group,
                                PoisonedKeys& poisoned);

// The bits of dk and dv that changed, of each key: with the rows that see them
// alone in memory, and with poison in the others. What a row adds to a key is a
// function of the two, of d_o and d_lse, and of o, m and l of the row, which
// check_row_gradients() looks at; so these calls hold no other keys.
std::vector<int64_t> check_key_gradients(const WholeCall& whole,
                                         const KeyGroup& group);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_VERIFY_GRADIENT_GROUPS_H_
