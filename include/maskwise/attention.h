// Exact masked attention, forward.
#ifndef MASKWISE_ATTENTION_H_
#define MASKWISE_ATTENTION_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "maskwise/device.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise {

// The order of the axes of q, k, v and o.
enum class Layout {
  bhld,  // [B, H, L, D]
  blhd,  // [B, L, H, D]
};

// Whether attention() also returns the softmax weights.
enum class Weights { none, all };

// Which scores attention() also returns; masked pairs hold -inf.
enum class Scores {
  none,
  raw,     // scale * q.k
  capped,  // after softcap
  biased,  // after bias and ALiBi: what the softmax sees
};

// ALiBi (https://arxiv.org/abs/2108.12409) as a bias:
// rn(slope[h] * (float)(kv_pos - q_pos)). Positions are i32 or i64, by default
// 0, 1, 2, ... on both sides.
struct Alibi {
  TensorView slopes = {};        // [H] f32; not defined = no ALiBi
  TensorView q_positions = {};   // [Lq] or [B, Lq]
  TensorView kv_positions = {};  // [Lk] or [B, Lk]
};

// Each member has an initialiser, so that naming only some of them is no
// warning in the caller's build.
struct AttentionOptions {
  std::optional<float> scale = {};  // default 1/sqrt(D)
  float softcap = 0;                // cap * tanh(x / cap); 0 = none
  TensorView bias = {};             // broadcast to [B, H, Lq, Lk]; -inf removes
  Alibi alibi = {};
  Layout layout = Layout::bhld;
  Weights weights = Weights::none;
  Scores scores = Scores::none;
  // Queries whose weights and scores are returned, ascending, each in [0, Lq);
  // empty: all. Their bits do not depend on it, and the others cost nothing.
  std::vector<int64_t> pair_rows = {};
  Backend backend = Backend::cpu;
  std::optional<Isa> isa = {};  // default: devices().choose(); changes no bit
  std::optional<int> threads = {};  // >= 1; default: all that oneTBB offers
};

struct AttentionResult {
  Tensor o;    // q's dtype: [B, H, Lq, Dv], or [B, Lq, H, Dv] for blhd
  Tensor lse;  // f32 [B, H, Lq]: natural log-sum-exp of the row
  Tensor m;    // f32 [B, H, Lq]: the row's largest score
  Tensor l;    // f32 [B, H, Lq]: sum of exp(score - m)
  // When asked for, f32 [B, H, R, Lk]; R = Lq, or the number of pair_rows.
  Tensor weights;
  Tensor scores;
};

// softmax(scale * q k^T + bias) v over the keys that the plan's mask allows
// and no other: a masked key is never read into a result, so its contents may
// be anything (NaN included), and deleting it changes no bit. The arithmetic
// is the row contract of docs/numerics.md; threads and backend change no bit.
//
// q: [B, H, Lq, D], k: [B, Hkv, Lk, D], v: [B, Hkv, Lk, Dv] (or the blhd
// order), each f32, f16 or bf16 with any strides; f16 and bf16 are converted
// exactly, the arithmetic is f32. Query head h uses kv head h / (H / Hkv).
//
// A row that sees no key: o = 0, lse = -inf, weights 0, m = -FLT_MAX, l = 0.
// A visible NaN score makes its row NaN. A bias of -inf removes the pair; where
// a bias holds any, the call compiles (mask & bias) first: use
// from_additive(bias) in the mask to pay that once.
//
// The inputs must not change during the call; the outputs are new. Throws
// Error when shapes or types do not fit. Cost: 2 * (D + Dv) flops for each
// walked pair. Formula: Vaswani et al. 2017, section 3.2.1.
AttentionResult attention(const TensorView& q, const TensorView& k,
                          const TensorView& v, const MaskPlan& plan,
                          const AttentionOptions& options = {});

// Where attention_into() writes. What is not defined is not written; `o` must
// be. Shapes and types are those of AttentionResult, strides any that keep
// elements apart, and memory is shared with no input and no other output.
struct AttentionTarget {
  MutableTensorView o = {};
  MutableTensorView lse = {};
  MutableTensorView m = {};
  MutableTensorView l = {};
  MutableTensorView weights = {};       // with Weights::all
  MutableTensorView scores = {};        // with any Scores but none
  std::span<std::byte> workspace = {};  // workspace_size() bytes, or more
};

// Head sizes of a call: D of q and k, Dv of v.
struct HeadDims {
  int64_t head = 0;
  int64_t value = 0;
};

// Bytes that attention_into() needs for a plan, head sizes and
// options.threads: scratch for each thread, at most 1 MiB for masks made of
// words and head sizes up to 256, up to 1.7 MiB for boolean tensors. Throws
// Error when a size is no head size.
int64_t workspace_size(const MaskPlan& plan, const HeadDims& dims,
                       const AttentionOptions& options = {});

// attention() into memory of the caller, with the same bits. Allocates nothing
// itself (oneTBB keeps pools of its own), unless a bias holds -inf or is no
// f32, or the slopes are no f32. A workspace serves one call at a time. Throws
// Error, before anything is written, when an output does not fit, the
// workspace is too small, or the backend is the reference.
void attention_into(const AttentionTarget& target, const TensorView& q,
                    const TensorView& k, const TensorView& v,
                    const MaskPlan& plan, const AttentionOptions& options = {});

}  // namespace maskwise

#endif  // MASKWISE_ATTENTION_H_
