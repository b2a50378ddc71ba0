#include "maskwise/nn/transformer.h"

#include <string_view>

#include "base/fail.h"
#include "layers/model_options.h"
#include "layers/token_batch.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "transformer";

// Sites of what is dropped, far enough apart for any number of layers.
constexpr uint64_t kSourceSite = 0;
constexpr uint64_t kTargetSite = 1;
constexpr uint64_t kEncoderSites = uint64_t{1} << 32U;
constexpr uint64_t kDecoderSites = uint64_t{1} << 33U;

// Source and target are of one batch.
void check_batches(const TransformerInput& input) {
  const int64_t source = detail::batch_of(kOperation, input.source);
  const int64_t target = detail::batch_of(kOperation, input.target);
  if (source == target) return;
  fail(ErrorCode::shape_mismatch, kOperation,
       "{} sources and {} targets; expected one of each for every sentence",
       source, target);
}

void check_result(const Transformer& model, const TransformerInput& input,
                  const TransformerResult& result, const TensorView& d_logits) {
  const int64_t features = model.options().layer.features;
  model.source_embedding.check(input.source.ids);
  model.target_embedding.check(input.target.ids);
  detail::check_kept_rows(kOperation, input.source, result.encoder.y, features);
  detail::check_kept_rows(kOperation, input.target, result.decoder.y, features);
  detail::check_gradient(kOperation, d_logits,
                         {input.target.ids.dim(0), input.target.ids.dim(1),
                          model.options().target_tokens});
}

void check_pads(const TransformerMasks& masks, int64_t pad) {
  for (const Mask& mask : {masks.encoder, masks.decoder, masks.cross}) {
    detail::check_pad(kOperation, mask, pad);
  }
}

TransformerPlans compiled(const TransformerMasks& masks,
                          const TransformerInput& input, int64_t heads) {
  const TensorView& source = input.source.ids;
  const TensorView& target = input.target.ids;
  return {detail::compiled(masks.encoder, source, source, heads),
          detail::compiled(masks.decoder, target, target, heads),
          detail::compiled(masks.cross, target, source, heads)};
}

}  // namespace

TransformerMasks padding_masks(const TensorView& source,
                               const TensorView& target, int64_t pad) {
  const PaddingOptions options = {.pad = pad};
  return {padding({"source", source}, options),
          causal() & padding({"target", target}, options),
          padding({"source", source}, options)};
}

TransformerMasks packed_masks(const Packing& source, const Packing& target) {
  return {documents({"source", source.documents()}),
          causal() & documents({"target", target.documents()}),
          documents({"target", target.documents()},
                    {"source", source.documents()})};
}

TransformerMasks growing_masks(const TensorView& source, int64_t pad) {
  const Mask seen = padding({"source", source}, {.pad = pad});
  return {seen, causal(), seen};
}

Transformer::Transformer(const TransformerOptions& options)
    : source_embedding(
          detail::embedding_of(options, options.source_tokens, kSourceSite)),
      target_embedding(
          detail::embedding_of(options, options.target_tokens, kTargetSite)),
      encoder(options.encoder_layers,
              detail::layer_at(options.layer, kEncoderSites)),
      decoder(options.decoder_layers,
              detail::layer_at(options.layer, kDecoderSites)),
      output(options.layer.features, options.target_tokens),
      options_(options) {}

TransformerResult Transformer::forward(const TransformerInput& input,
                                       const TransformerMasks& masks,
                                       const Compute& compute) const {
  check_batches(input);
  check_pads(masks, options_.pad);
  const TokenRows source = detail::rows_of(input.source, options_.pad);
  const TokenRows target = detail::rows_of(input.target, options_.pad);
  TransformerResult result = {
      .logits = {},
      .plans = compiled(masks, input, options_.layer.heads),
      .encoder = {},
      .decoder = {}};
  const TransformerPlans& plans = result.plans;
  result.encoder =
      encoder.forward(source_embedding.forward(input.source.ids, source),
                      plans.encoder, compute, source);
  result.decoder = decoder.forward(
      target_embedding.forward(input.target.ids, target), result.encoder.y,
      {plans.decoder, plans.cross}, compute, target);
  result.logits = output.forward(result.decoder.y, compute);
  return result;
}

Tensor Transformer::encode(const TokenBatch& source, const Mask& mask,
                           const Compute& compute) const {
  detail::batch_of(kOperation, source);
  detail::check_pad(kOperation, mask, options_.pad);
  const TokenRows rows = detail::rows_of(source, options_.pad);
  const MaskPlan plan =
      detail::compiled(mask, source.ids, source.ids, options_.layer.heads);
  return encoder
      .forward(source_embedding.forward(source.ids, rows), plan, compute, rows)
      .y;
}

TransformerGradients Transformer::backward(const TransformerInput& input,
                                           const TransformerResult& result,
                                           const TensorView& d_logits,
                                           const Compute& compute) {
  check_batches(input);
  check_result(*this, input, result, d_logits);
  const TokenRows source = detail::rows_of(input.source, options_.pad);
  const TokenRows target = detail::rows_of(input.target, options_.pad);
  const TransformerPlans& plans = result.plans;
  const Tensor d_hidden = output.backward(result.decoder.y, d_logits, compute);
  const DecoderLayerGradients d =
      decoder.backward(result.decoder, result.encoder.y,
                       {plans.decoder, plans.cross}, d_hidden, compute, target);
  const Tensor d_source = encoder.backward(result.encoder, plans.encoder,
                                           d.d_memory, compute, source);
  source_embedding.backward(input.source.ids, source, d_source);
  target_embedding.backward(input.target.ids, target, d.d_x);
  return {d_source, d.d_x};
}

void Transformer::visit_parameters(const std::string& prefix,
                                   const ParameterVisitor& visit) {
  source_embedding.visit_parameters(prefix + "source_embedding.", visit);
  target_embedding.visit_parameters(prefix + "target_embedding.", visit);
  encoder.visit_parameters(prefix + "encoder.", visit);
  decoder.visit_parameters(prefix + "decoder.", visit);
  output.visit_parameters(prefix + "output.", visit);
}

}  // namespace maskwise::nn
