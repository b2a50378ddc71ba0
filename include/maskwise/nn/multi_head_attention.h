// Multi-head attention with its projections.
#ifndef MASKWISE_NN_MULTI_HEAD_ATTENTION_H_
#define MASKWISE_NN_MULTI_HEAD_ATTENTION_H_

#include <cstdint>
#include <string>

#include "maskwise/attention.h"
#include "maskwise/mask_plan.h"
#include "maskwise/nn/linear.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

struct MultiHeadAttentionOptions {
  int64_t features = 0;  // of x, memory and y: E
  int64_t heads = 1;     // divides E; head_dim D = E / H
  int64_t kv_heads = 0;  // divides H; 0: H
  // Queries and keys are turned by position / base^(2i / D) in each pair of
  // features (2i, 2i + 1) (Su et al. 2021; weights for halves, pairs of
  // (i, i + D/2), need their rows in the other order). Usually 10,000; 0: not.
  // For self-attention.
  double rotary_base = 0;
};

// What forward() computed, which backward() needs again.
struct MultiHeadAttentionResult {
  Tensor y;                   // [B, Lq, E]
  Tensor q;                   // [B, Lq, H, D], turned
  Tensor kv;                  // [B, Lk, 2, Hkv, D]: keys, turned, and values
  AttentionResult attention;  // o: [B, Lq, H, D]; weights when asked for
};

struct MultiHeadAttentionGradients {
  Tensor d_x;       // [B, Lq, E]
  Tensor d_memory;  // [B, Lk, E]
};

// Queries are projected from x, keys and values from memory (for
// self-attention: x again), attention runs in H heads under the mask of a plan,
// and its heads, side by side, are projected to y (Vaswani et al. 2017, section
// 3.2.2).
class MultiHeadAttention : public Module {
 public:
  // Parameters are zeros. Throws Error when the sizes do not divide.
  explicit MultiHeadAttention(const MultiHeadAttentionOptions& options);

  int64_t features() const { return options_.features; }
  int64_t heads() const { return options_.heads; }
  int64_t kv_heads() const { return options_.kv_heads; }
  int64_t head_dim() const { return features() / heads(); }
  double rotary_base() const { return options_.rotary_base; }

  // x: [B, Lq, E], memory: [B, Lk, E], f32; the plan is of [B, H, Lq, Lk]. A
  // query that sees no key gives out_proj.bias. `tokens` says where rotary
  // positions turn to. Throws Error when a shape does not fit.
  MultiHeadAttentionResult forward(const TensorView& x,
                                   const TensorView& memory,
                                   const MaskPlan& plan,
                                   Weights weights = Weights::none,
                                   const Compute& compute = {},
                                   const TokenRows& tokens = {}) const;

  // More than 6 parameters because it takes what forward() took and gave.
  // Gradients of x and memory, given that of y, after forward() with the same
  // arguments; adds to those of the parameters. For self-attention the gradient
  // of x is the sum of the two.
  MultiHeadAttentionGradients backward(
      const TensorView& x, const TensorView& memory, const MaskPlan& plan,
      const MultiHeadAttentionResult& result, const TensorView& d_y,
      const Compute& compute = {}, const TokenRows& tokens = {});

  // in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias, as PyTorch's
  // nn.MultiheadAttention has them.
  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  // Rows of q, then k, then v: [(H + 2 Hkv) D, E] and [(H + 2 Hkv) D].
  Parameter in_proj_weight;
  Parameter in_proj_bias;
  Linear out_proj;

 private:
  MultiHeadAttentionOptions options_;
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_MULTI_HEAD_ATTENTION_H_
