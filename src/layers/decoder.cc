#include "maskwise/nn/decoder.h"

#include <string_view>
#include <vector>

#include "layers/linear_rows.h"
#include "layers/model_options.h"
#include "layers/rows.h"
#include "layers/token_batch.h"

namespace maskwise::nn {
namespace {

using detail::ChosenRows;
using detail::Rows;

constexpr std::string_view kOperation = "decoder";

// Sites of what is dropped.
constexpr uint64_t kEmbeddingSite = 0;
constexpr uint64_t kLayerSites = uint64_t{1} << 32U;

// Rows that no sinusoids are added to are taken as they are.
TokenEmbeddingOptions embedding_of(const DecoderOptions& options) {
  TokenEmbeddingOptions embedding =
      detail::embedding_of(options, options.tokens, kEmbeddingSite);
  embedding.positions = options.positions;
  if (options.positions != Positions::sinusoidal) embedding.scale = 1;
  return embedding;
}

Linear output_of(const DecoderOptions& options) {
  return options.output == OutputWeights::own
             ? Linear(options.layer.features, options.tokens)
             : Linear(1, 1);
}

// y W^T of the embedding's rows W, back: its gradient and that of y.
Tensor tied_back(const Tensor& y, const TensorView& d_logits, Parameter& weight,
                 const Compute& compute) {
  const int64_t features = weight.value.dim(1);
  const Rows rows(kOperation, "y", y, features);
  const Rows d_rows(kOperation, "d_logits", d_logits, weight.value.dim(0));
  check_same_rows(kOperation, rows, d_rows);
  const std::vector<int64_t> present = rows_present(d_rows);
  detail::add_weight_gradients(
      ChosenRows(rows, present).span(), ChosenRows(d_rows, present).span(),
      {weight.gradient.mutable_data<float>(), nullptr}, compute);
  Tensor d_y = Tensor::unfilled(DType::f32, y.shape());
  detail::multiply_rows_back(
      d_rows.span(), weight.value.data<float>(),
      {d_y.mutable_data<float>(), rows.count(), features, features},
      detail::Into::fresh, compute);
  clear_absent(d_rows, d_y);
  return d_y;
}

}  // namespace

Decoder::Decoder(const DecoderOptions& options)
    : embedding(embedding_of(options)),
      stack(options.layers, detail::layer_at(options.layer, kLayerSites)),
      output(output_of(options)),
      options_(options) {}

DecoderResult Decoder::forward(const TokenBatch& input, const Mask& mask,
                               const Compute& compute) const {
  detail::batch_of(kOperation, input);
  detail::check_pad(kOperation, mask, options_.pad);
  const TokenRows rows = detail::rows_of(input, options_.pad);
  DecoderResult result = {.logits = {},
                          .plan = detail::compiled(mask, input.ids, input.ids,
                                                   options_.layer.heads),
                          .stack = {}};
  result.stack = stack.forward(embedding.forward(input.ids, rows), result.plan,
                               compute, rows);
  result.logits = logits_of(result.stack.y, compute);
  return result;
}

Tensor Decoder::logits_of(const TensorView& y, const Compute& compute) const {
  if (options_.output == OutputWeights::own) return output.forward(y, compute);
  const Tensor& weight = embedding.embedding.weight.value;
  const Rows rows(kOperation, "y", y, weight.dim(1));
  Tensor logits = Tensor::unfilled(DType::f32, rows.shape_of(weight.dim(0)));
  detail::multiply_rows(rows.span(), {weight.data<float>(), nullptr},
                        {logits.mutable_data<float>(), rows.count(),
                         weight.dim(0), weight.dim(0)},
                        compute);
  return logits;
}

Tensor Decoder::backward(const TokenBatch& input, const DecoderResult& result,
                         const TensorView& d_logits, const Compute& compute) {
  detail::batch_of(kOperation, input);
  embedding.check(input.ids);
  detail::check_kept_rows(kOperation, input, result.stack.y,
                          options_.layer.features);
  detail::check_gradient(kOperation, d_logits,
                         {input.ids.dim(0), input.ids.dim(1), options_.tokens});
  const TokenRows rows = detail::rows_of(input, options_.pad);
  const Tensor d_y = options_.output == OutputWeights::own
                         ? output.backward(result.stack.y, d_logits, compute)
                         : tied_back(result.stack.y, d_logits,
                                     embedding.embedding.weight, compute);
  Tensor d_x = stack.backward(result.stack, result.plan, d_y, compute, rows);
  embedding.backward(input.ids, rows, d_x);
  return d_x;
}

void Decoder::visit_parameters(const std::string& prefix,
                               const ParameterVisitor& visit) {
  embedding.visit_parameters(prefix + "embedding.", visit);
  stack.visit_parameters(prefix, visit);
  if (options_.output == OutputWeights::own) {
    output.visit_parameters(prefix + "output.", visit);
  }
}

}  // namespace maskwise::nn
