#include "maskwise/nn/encoder_classifier.h"

#include <string_view>

#include "base/fail.h"
#include "layers/model_options.h"
#include "layers/sentence_means.h"
#include "layers/token_batch.h"
#include "layers/token_ids.h"

namespace maskwise::nn {
namespace {

constexpr std::string_view kOperation = "encoder_classifier";

// Sites of what is dropped.
constexpr uint64_t kEmbeddingSite = 0;
constexpr uint64_t kLayerSites = uint64_t{1} << 32U;

int64_t checked_classes(int64_t classes) {
  if (classes >= 1) return classes;
  maskwise::detail::fail(ErrorCode::invalid_argument, kOperation,
                         "{} classes; expected at least 1", classes);
}

}  // namespace

EncoderClassifier::EncoderClassifier(const EncoderClassifierOptions& options)
    : embedding(detail::embedding_of(options, options.tokens, kEmbeddingSite)),
      encoder(options.layers, detail::layer_at(options.layer, kLayerSites)),
      output(options.layer.features, checked_classes(options.classes)),
      options_(options) {}

EncoderClassifierResult EncoderClassifier::forward(
    const TokenBatch& input, const Mask& mask, const Compute& compute) const {
  detail::check_pad(kOperation, mask, options_.pad);
  const detail::TokenIds ids(kOperation, input.ids);
  const TokenRows rows = detail::rows_of(input, options_.pad);
  EncoderClassifierResult result = {
      .logits = {},
      .means = {},
      .plan =
          detail::compiled(mask, input.ids, input.ids, options_.layer.heads),
      .encoder = {}};
  result.encoder = encoder.forward(embedding.forward(input.ids, rows),
                                   result.plan, compute, rows);
  const detail::SentenceMeans means(rows.sentences, ids.each(), options_.pad);
  result.means = means.of(result.encoder.y);
  result.logits = output.forward(result.means, compute);
  return result;
}

Tensor EncoderClassifier::backward(const TokenBatch& input,
                                   const EncoderClassifierResult& result,
                                   const TensorView& d_logits,
                                   const Compute& compute) {
  const detail::TokenIds ids(kOperation, input.ids);
  const TokenRows rows = detail::rows_of(input, options_.pad);
  embedding.check(input.ids);
  detail::check_kept_rows(kOperation, input, result.encoder.y,
                          options_.layer.features);
  detail::check_gradient(kOperation, d_logits,
                         {result.means.dim(0), options_.classes});
  const Tensor d_means = output.backward(result.means, d_logits, compute);
  const detail::SentenceMeans means(rows.sentences, ids.each(), options_.pad);
  const Tensor d_y = means.back(d_means, result.encoder.y.shape());
  Tensor d_x =
      encoder.backward(result.encoder, result.plan, d_y, compute, rows);
  embedding.backward(input.ids, rows, d_x);
  return d_x;
}

void EncoderClassifier::visit_parameters(const std::string& prefix,
                                         const ParameterVisitor& visit) {
  embedding.visit_parameters(prefix + "embedding.", visit);
  encoder.visit_parameters(prefix + "encoder.", visit);
  output.visit_parameters(prefix + "output.", visit);
}

}  // namespace maskwise::nn
