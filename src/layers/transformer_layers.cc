#include "maskwise/nn/transformer_layers.h"

#include <optional>

#include "base/fail.h"
#include "layers/residual.h"

namespace maskwise::nn {
namespace {

// Where the dropouts of a layer stand among its sites.
enum class Site : uint64_t { self, hidden, feed_forward, cross };

Dropout dropout_at(const TransformerLayerOptions& options, Site site) {
  return Dropout(options.dropout,
                 options.dropout_site + static_cast<uint64_t>(site));
}

MultiHeadAttention self_attention_of(const TransformerLayerOptions& options) {
  return MultiHeadAttention(
      {options.features, options.heads, options.kv_heads, options.rotary_base});
}

MultiHeadAttention cross_attention_of(const TransformerLayerOptions& options) {
  return MultiHeadAttention(
      {options.features, options.heads, options.kv_heads});
}

FeedForward feed_forward_of(const TransformerLayerOptions& options) {
  return FeedForward(options.features, options.hidden, options.activation,
                     dropout_at(options, Site::hidden));
}

Norm norm_of(const TransformerLayerOptions& options) {
  return Norm(options.features, options.norm, options.eps);
}

// A sublayer in its frame.
template <typename Layer, typename NormLayer>
struct Sublayer {
  Layer& layer;
  detail::Frame<NormLayer> frame;
  const Compute& compute;
};
template <typename Layer>
using Forward = Sublayer<const Layer, const Norm>;
template <typename Layer>
using Backward = Sublayer<Layer, Norm>;

// Without memory: self-attention.
using Memory = std::optional<TensorView>;

// Tokens that see each other are queries and keys alike.
void check_square(const MaskPlan& mask) {
  if (mask.shape().q_len == mask.shape().kv_len) return;
  maskwise::detail::fail(ErrorCode::shape_mismatch, "self_attention",
                         "a mask of shape {}; expected [B, H, L, L], as many "
                         "keys as queries",
                         to_string(mask.shape()));
}

AttentionStep attend(const Forward<MultiHeadAttention>& at, const TensorView& x,
                     const Memory& memory, const MaskPlan& mask) {
  if (!memory) check_square(mask);
  AttentionStep step;
  const Tensor& input = detail::begin_step(step, x, at.frame);
  step.attention = at.layer.forward(input, memory.value_or(input.view()), mask,
                                    Weights::none, at.compute, at.frame.tokens);
  detail::finish_step(step, step.attention.y, at.frame);
  return step;
}

// Gradients of x and memory; for self-attention that of x alone.
MultiHeadAttentionGradients attend_back(const Backward<MultiHeadAttention>& at,
                                        const AttentionStep& step,
                                        const Memory& memory,
                                        const MaskPlan& mask,
                                        const TensorView& d_y) {
  MultiHeadAttentionGradients found;
  const auto back = [&](const Tensor& d) {
    const Tensor& input = detail::input_of(step, at.frame.order);
    found = at.layer.backward(input, memory.value_or(input.view()), mask,
                              step.attention, d, at.compute, at.frame.tokens);
    return memory ? found.d_x : detail::sum_of(found.d_x, found.d_memory);
  };
  found.d_x = detail::step_back(step, d_y, at.frame, back);
  return found;
}

FeedForwardStep feed(const Forward<FeedForward>& at, const TensorView& x) {
  FeedForwardStep step;
  const Tensor& input = detail::begin_step(step, x, at.frame);
  step.feed_forward = at.layer.forward(input, at.compute, at.frame.tokens);
  detail::finish_step(step, step.feed_forward.y, at.frame);
  return step;
}

Tensor feed_back(const Backward<FeedForward>& at, const FeedForwardStep& step,
                 const TensorView& d_y) {
  return detail::step_back(step, d_y, at.frame, [&](const Tensor& d) {
    return at.layer.backward(detail::input_of(step, at.frame.order),
                             step.feed_forward, d, at.compute, at.frame.tokens);
  });
}

}  // namespace

EncoderLayer::EncoderLayer(const TransformerLayerOptions& options)
    : self_attn(self_attention_of(options)),
      feed_forward(feed_forward_of(options)),
      norm1(norm_of(options)),
      norm2(norm_of(options)),
      order_(options.norm_order),
      dropout_{dropout_at(options, Site::self),
               dropout_at(options, Site::feed_forward)} {}

EncoderLayerResult EncoderLayer::forward(const TensorView& x,
                                         const MaskPlan& mask,
                                         const Compute& compute,
                                         const TokenRows& tokens) const {
  EncoderLayerResult result;
  result.self =
      attend({self_attn, {norm1, order_, dropout_[0], tokens}, compute}, x,
             std::nullopt, mask);
  result.feed_forward =
      feed({feed_forward, {norm2, order_, dropout_[1], tokens}, compute},
           result.self.y);
  result.y = result.feed_forward.y;
  return result;
}

Tensor EncoderLayer::backward(const EncoderLayerResult& result,
                              const MaskPlan& mask, const TensorView& d_y,
                              const Compute& compute, const TokenRows& tokens) {
  const Tensor d =
      feed_back({feed_forward, {norm2, order_, dropout_[1], tokens}, compute},
                result.feed_forward, d_y);
  return attend_back({self_attn, {norm1, order_, dropout_[0], tokens}, compute},
                     result.self, std::nullopt, mask, d)
      .d_x;
}

void EncoderLayer::visit_parameters(const std::string& prefix,
                                    const ParameterVisitor& visit) {
  self_attn.visit_parameters(prefix + "self_attn.", visit);
  feed_forward.visit_parameters(prefix, visit);
  norm1.visit_parameters(prefix + "norm1.", visit);
  norm2.visit_parameters(prefix + "norm2.", visit);
}

DecoderLayer::DecoderLayer(const TransformerLayerOptions& options)
    : self_attn(self_attention_of(options)),
      multihead_attn(cross_attention_of(options)),
      feed_forward(feed_forward_of(options)),
      norm1(norm_of(options)),
      norm2(norm_of(options)),
      norm3(norm_of(options)),
      order_(options.norm_order),
      dropout_{dropout_at(options, Site::self),
               dropout_at(options, Site::cross),
               dropout_at(options, Site::feed_forward)} {}

DecoderLayerResult DecoderLayer::forward(const TensorView& x,
                                         const TensorView& memory,
                                         const DecoderMasks& masks,
                                         const Compute& compute,
                                         const TokenRows& tokens) const {
  DecoderLayerResult result;
  result.self =
      attend({self_attn, {norm1, order_, dropout_[0], tokens}, compute}, x,
             std::nullopt, masks.self);
  result.cross =
      attend({multihead_attn, {norm2, order_, dropout_[1], tokens}, compute},
             result.self.y, memory, masks.cross);
  result.feed_forward =
      feed({feed_forward, {norm3, order_, dropout_[2], tokens}, compute},
           result.cross.y);
  result.y = result.feed_forward.y;
  return result;
}

DecoderLayerGradients DecoderLayer::backward(const DecoderLayerResult& result,
                                             const TensorView& memory,
                                             const DecoderMasks& masks,
                                             const TensorView& d_y,
                                             const Compute& compute,
                                             const TokenRows& tokens) {
  const Tensor d_cross =
      feed_back({feed_forward, {norm3, order_, dropout_[2], tokens}, compute},
                result.feed_forward, d_y);
  const MultiHeadAttentionGradients cross = attend_back(
      {multihead_attn, {norm2, order_, dropout_[1], tokens}, compute},
      result.cross, memory, masks.cross, d_cross);
  const MultiHeadAttentionGradients self =
      attend_back({self_attn, {norm1, order_, dropout_[0], tokens}, compute},
                  result.self, std::nullopt, masks.self, cross.d_x);
  return {self.d_x, cross.d_memory};
}

void DecoderLayer::visit_parameters(const std::string& prefix,
                                    const ParameterVisitor& visit) {
  self_attn.visit_parameters(prefix + "self_attn.", visit);
  multihead_attn.visit_parameters(prefix + "multihead_attn.", visit);
  feed_forward.visit_parameters(prefix, visit);
  norm1.visit_parameters(prefix + "norm1.", visit);
  norm2.visit_parameters(prefix + "norm2.", visit);
  norm3.visit_parameters(prefix + "norm3.", visit);
}

}  // namespace maskwise::nn
