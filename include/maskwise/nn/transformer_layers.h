// The encoder and the decoder layer of a Transformer.
#ifndef MASKWISE_NN_TRANSFORMER_LAYERS_H_
#define MASKWISE_NN_TRANSFORMER_LAYERS_H_

#include <array>
#include <cstdint>
#include <string>

#include "maskwise/mask_plan.h"
#include "maskwise/nn/dropout.h"
#include "maskwise/nn/feed_forward.h"
#include "maskwise/nn/module.h"
#include "maskwise/nn/multi_head_attention.h"
#include "maskwise/nn/norm.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/tensor.h"
#include "maskwise/tensor_view.h"

namespace maskwise::nn {

// Where a layer normalises: post, norm(x + f(x)), as Vaswani et al. 2017 do; or
// pre, x + f(norm(x)), which trains more easily (Xiong et al. 2020).
enum class NormOrder { post, pre };

struct TransformerLayerOptions {
  int64_t features = 0;  // E
  int64_t heads = 1;     // divides E
  int64_t kv_heads = 0;  // divides heads; 0: heads
  int64_t hidden = 0;    // of the feed-forward layer
  Activation activation = Activation::relu;
  NormOrder norm_order = NormOrder::post;
  NormKind norm = NormKind::layer;
  float eps = 1e-5F;
  // Of what attention and the feed-forward layer add to x, and of the latter's
  // hidden features. A layer takes the sites from dropout_site to
  // dropout_site + kDropoutSites - 1; those of another layer are others.
  double dropout = 0;
  uint64_t dropout_site = 0;
  double rotary_base = 0;  // of self-attention; 0: no rotary positions
};

inline constexpr uint64_t kDropoutSites = 4;

// What x + attention under a mask computed, with its norm.
struct AttentionStep {
  Tensor x;       // what came in
  Tensor normed;  // norm(x), of NormOrder::pre
  MultiHeadAttentionResult attention;
  Tensor sum;  // x + attention
  Tensor y;    // norm(sum), or sum
};

// The same for the feed-forward layer.
struct FeedForwardStep {
  Tensor x;
  Tensor normed;
  FeedForwardResult feed_forward;
  Tensor sum;
  Tensor y;
};

struct EncoderLayerResult {
  Tensor y;  // [B, L, E]
  AttentionStep self;
  FeedForwardStep feed_forward;
};

// Self-attention, then the feed-forward layer. Names as PyTorch's
// nn.TransformerEncoderLayer: self_attn, linear1, linear2, norm1, norm2.
class EncoderLayer : public Module {
 public:
  // Norms are ones, everything else zeros. Throws Error for sizes that do not
  // fit together.
  explicit EncoderLayer(const TransformerLayerOptions& options);

  // x: [B, L, E], f32; `mask` is the plan of [B, H, L, L], such as that of
  // padding(token_ids). Throws Error when a shape does not fit.
  EncoderLayerResult forward(const TensorView& x, const MaskPlan& mask,
                             const Compute& compute = {},
                             const TokenRows& tokens = {}) const;

  // The gradient of x, given that of y; adds to those of the parameters.
  Tensor backward(const EncoderLayerResult& result, const MaskPlan& mask,
                  const TensorView& d_y, const Compute& compute = {},
                  const TokenRows& tokens = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  NormOrder norm_order() const { return order_; }

  MultiHeadAttention self_attn;
  FeedForward feed_forward;
  Norm norm1;
  Norm norm2;

 private:
  NormOrder order_;
  std::array<Dropout, 2>
      dropout_;  // after attention, after the feed-forward layer
};

struct DecoderLayerResult {
  Tensor y;  // [B, Lq, E]
  AttentionStep self;
  AttentionStep cross;
  FeedForwardStep feed_forward;
};

// The masks of a decoder layer: of [B, H, Lq, Lq], such as that of
// causal() & padding(target_ids), and of [B, H, Lq, Lk], such as that of
// padding(source_ids).
struct DecoderMasks {
  const MaskPlan& self;
  const MaskPlan& cross;
};

struct DecoderLayerGradients {
  Tensor d_x;       // [B, Lq, E]
  Tensor d_memory;  // [B, Lk, E]
};

// Self-attention, attention over the encoder's output (memory), then the
// feed-forward layer. Names as PyTorch's nn.TransformerDecoderLayer: self_attn,
// multihead_attn, linear1, linear2, norm1, norm2, norm3.
class DecoderLayer : public Module {
 public:
  explicit DecoderLayer(const TransformerLayerOptions& options);

  // x: [B, Lq, E], memory: [B, Lk, E], f32.
  DecoderLayerResult forward(const TensorView& x, const TensorView& memory,
                             const DecoderMasks& masks,
                             const Compute& compute = {},
                             const TokenRows& tokens = {}) const;

  // `memory` and the masks are those of forward().
  DecoderLayerGradients backward(const DecoderLayerResult& result,
                                 const TensorView& memory,
                                 const DecoderMasks& masks,
                                 const TensorView& d_y,
                                 const Compute& compute = {},
                                 const TokenRows& tokens = {});

  void visit_parameters(const std::string& prefix,
                        const ParameterVisitor& visit) override;

  NormOrder norm_order() const { return order_; }

  MultiHeadAttention self_attn;
  MultiHeadAttention multihead_attn;
  FeedForward feed_forward;
  Norm norm1;
  Norm norm2;
  Norm norm3;

 private:
  NormOrder order_;
  std::array<Dropout, 3>
      dropout_;  // after attention of each kind, after feed-forward
};

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_TRANSFORMER_LAYERS_H_
