#include "maskwise/nn/decoder_state.h"

#include "layers/cached_layers.h"
#include "layers/growing_sequences.h"

namespace maskwise::nn {
namespace detail {

// Everything of a state.
struct DecoderStateData {
  DecoderStateData(const Decoder& decoder, const Mask& mask, int64_t batch,
                   int64_t max_length)
      : model(&decoder),
        sequences("decoder_state", batch, max_length,
                  decoder.options().max_length),
        plan(growing_plan("decoder_state", mask,
                          {.batch = batch,
                           .heads = decoder.options().layer.heads,
                           .q_len = max_length,
                           .kv_len = max_length})) {
    for (const EncoderLayer& layer : decoder.stack.layers) {
      attentions.emplace_back(layer.self_attn, batch, max_length);
    }
  }

  const Decoder* model;
  GrowingSequences sequences;
  MaskPlan plan;
  std::vector<CachedSelfAttention> attentions;
};

namespace {

// One layer for the rows of a step.
Tensor layer_rows(const EncoderLayer& layer, CachedSelfAttention& attention,
                  const Tensor& x, const StepRows& rows, const MaskPlan& plan,
                  const Compute& compute) {
  const NormOrder order = layer.norm_order();
  const Tensor seen =
      residual_rows(x, layer.norm1, order, [&](const Tensor& input) {
        return attention.forward(input, rows, plan, compute);
      });
  return residual_rows(seen, layer.norm2, order, [&](const Tensor& input) {
    return layer.feed_forward.forward(input, compute).y;
  });
}

}  // namespace
}  // namespace detail

DecoderState::DecoderState(const Decoder& model, const Mask& mask,
                           int64_t batch, int64_t max_length)
    : data_(std::make_unique<detail::DecoderStateData>(model, mask, batch,
                                                       max_length)) {}

DecoderState::DecoderState(DecoderState&&) noexcept = default;
DecoderState& DecoderState::operator=(DecoderState&&) noexcept = default;
DecoderState::~DecoderState() = default;

int64_t DecoderState::batch() const { return data_->sequences.count(); }

int64_t DecoderState::length(int64_t sequence) const {
  return data_->sequences.length(sequence);
}

Tensor DecoderState::append(const TensorView& ids, const Compute& compute) {
  const detail::NewTokens found =
      data_->sequences.tokens_of(ids, data_->model->options().pad);
  return detail::unpacked_logits(append(found.sequences, found.tokens, compute),
                                 found, ids);
}

Tensor DecoderState::append(const std::vector<int64_t>& sequences,
                            const std::vector<int64_t>& tokens,
                            const Compute& compute) {
  detail::DecoderStateData& data = *data_;
  const detail::StepRows rows = data.sequences.checked(sequences, tokens);
  Tensor x = detail::embedded(data.model->embedding, tokens, rows);
  for (size_t i = 0; i < data.attentions.size(); ++i) {
    x = detail::layer_rows(data.model->stack.layers[i], data.attentions[i], x,
                           rows, data.plan, compute);
  }
  data.sequences.grow(rows);
  return data.model->logits_of(data.model->stack.norm.forward(x), compute);
}

void DecoderState::select(const std::vector<int64_t>& from) {
  data_->sequences.select(from);
  for (detail::CachedSelfAttention& each : data_->attentions) each.select(from);
}

}  // namespace maskwise::nn
