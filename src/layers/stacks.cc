#include "maskwise/nn/stacks.h"

#include <string_view>

#include "base/fail.h"
#include "layers/elementwise.h"

namespace maskwise::nn {
namespace {

template <typename Layer>
std::vector<Layer> stacked(std::string_view operation, int64_t count,
                           const TransformerLayerOptions& options) {
  if (count < 1) {
    maskwise::detail::fail(ErrorCode::invalid_argument, operation,
                           "{} layers; expected at least 1", count);
  }
  std::vector<Layer> layers;
  TransformerLayerOptions each = options;
  for (int64_t i = 0; i < count; ++i) {
    layers.emplace_back(each);
    each.dropout_site += kDropoutSites;
  }
  return layers;
}

template <typename Layer>
void visit_layers(std::vector<Layer>& layers, const std::string& prefix,
                  const ParameterVisitor& visit) {
  for (size_t i = 0; i < layers.size(); ++i) {
    layers[i].visit_parameters(prefix + "layers." + std::to_string(i) + ".",
                               visit);
  }
}

// What forward() kept is of as many layers.
void check_layers(std::string_view operation, size_t found, size_t expected) {
  if (found == expected) return;
  maskwise::detail::fail(
      ErrorCode::shape_mismatch, operation,
      "expected a result of {} layers, got one of {}; pass what forward() "
      "returned",
      expected, found);
}

}  // namespace

EncoderStack::EncoderStack(int64_t count, const TransformerLayerOptions& layer)
    : layers(stacked<EncoderLayer>("encoder", count, layer)),
      norm(layer.features, layer.norm, layer.eps) {}

EncoderStackResult EncoderStack::forward(const TensorView& x,
                                         const MaskPlan& mask,
                                         const Compute& compute,
                                         const TokenRows& tokens) const {
  EncoderStackResult result;
  TensorView input = x;
  for (const EncoderLayer& layer : layers) {
    result.layers.push_back(layer.forward(input, mask, compute, tokens));
    input = result.layers.back().y;
  }
  result.y = norm.forward(input);
  return result;
}

Tensor EncoderStack::backward(const EncoderStackResult& result,
                              const MaskPlan& mask, const TensorView& d_y,
                              const Compute& compute, const TokenRows& tokens) {
  check_layers("encoder", result.layers.size(), layers.size());
  Tensor d = norm.backward(result.layers.back().y, d_y);
  for (size_t i = layers.size(); i-- > 0;) {
    d = layers[i].backward(result.layers[i], mask, d, compute, tokens);
  }
  return d;
}

void EncoderStack::visit_parameters(const std::string& prefix,
                                    const ParameterVisitor& visit) {
  visit_layers(layers, prefix, visit);
  norm.visit_parameters(prefix + "norm.", visit);
}

DecoderStack::DecoderStack(int64_t count, const TransformerLayerOptions& layer)
    : layers(stacked<DecoderLayer>("decoder", count, layer)),
      norm(layer.features, layer.norm, layer.eps) {}

DecoderStackResult DecoderStack::forward(const TensorView& x,
                                         const TensorView& memory,
                                         const DecoderMasks& masks,
                                         const Compute& compute,
                                         const TokenRows& tokens) const {
  DecoderStackResult result;
  TensorView input = x;
  for (const DecoderLayer& layer : layers) {
    result.layers.push_back(
        layer.forward(input, memory, masks, compute, tokens));
    input = result.layers.back().y;
  }
  result.y = norm.forward(input);
  return result;
}

DecoderLayerGradients DecoderStack::backward(const DecoderStackResult& result,
                                             const TensorView& memory,
                                             const DecoderMasks& masks,
                                             const TensorView& d_y,
                                             const Compute& compute,
                                             const TokenRows& tokens) {
  check_layers("decoder", result.layers.size(), layers.size());
  DecoderLayerGradients d = {norm.backward(result.layers.back().y, d_y), {}};
  for (size_t i = layers.size(); i-- > 0;) {
    DecoderLayerGradients next = layers[i].backward(
        result.layers[i], memory, masks, d.d_x, compute, tokens);
    if (d.d_memory.defined()) {
      next.d_memory = detail::sum_of(d.d_memory, next.d_memory);
    }
    d = next;
  }
  return d;
}

void DecoderStack::visit_parameters(const std::string& prefix,
                                    const ParameterVisitor& visit) {
  visit_layers(layers, prefix, visit);
  norm.visit_parameters(prefix + "norm.", visit);
}

}  // namespace maskwise::nn
