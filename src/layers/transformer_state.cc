#include "maskwise/nn/transformer_state.h"

#include <optional>
#include <string_view>

#include "base/fail.h"
#include "layers/cached_layers.h"
#include "layers/growing_sequences.h"
#include "layers/token_batch.h"

namespace maskwise::nn {
namespace detail {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "transformer_state";

// A decoder layer's two attentions.
struct CachedDecoderLayer {
  const DecoderLayer* layer;
  CachedSelfAttention self;
  CachedCrossAttention cross;
};

int64_t checked_targets(int64_t targets) {
  if (targets >= 1) return targets;
  fail(ErrorCode::invalid_argument, kOperation,
       "{} targets of each source; expected at least 1", targets);
}

// Everything of a state.
struct TransformerStateData {
  TransformerStateData(const Transformer& transformer, const TokenBatch& source,
                       const TransformerMasks& masks,
                       const TransformerStateOptions& options,
                       const Compute& compute)
      : model(&transformer),
        cross_mask(masks.cross),
        targets(checked_targets(options.targets)),
        memory(transformer.encode(source, masks.encoder, compute)),
        sequences(kOperation, memory.dim(0) * targets, options.max_length,
                  transformer.options().max_length),
        self_plan(growing_plan(kOperation, masks.decoder,
                               {.batch = sequences.count(),
                                .heads = heads(),
                                .q_len = options.max_length,
                                .kv_len = options.max_length})) {
    check_pad(kOperation, cross_mask, transformer.options().pad);
    for (const DecoderLayer& layer : transformer.decoder.layers) {
      layers.push_back(
          {&layer,
           {layer.self_attn, sequences.count(), options.max_length},
           {layer.multihead_attn, memory, targets, compute}});
    }
  }

  int64_t heads() const { return model->options().layer.heads; }

  // The plan of a step of `longest` tokens: that of the last step, as a rule.
  const MaskPlan& cross_plan(int64_t longest) {
    const int64_t q_len = targets * longest;
    if (!cross || cross->shape().q_len != q_len) {
      cross.emplace(compile(cross_mask.bind({.batch = memory.dim(0),
                                             .heads = heads(),
                                             .q_len = q_len,
                                             .kv_len = memory.dim(1)})));
    }
    return *cross;
  }

  const Transformer* model;
  Mask cross_mask;
  int64_t targets;
  Tensor memory;
  GrowingSequences sequences;
  MaskPlan self_plan;
  std::optional<MaskPlan> cross;
  std::vector<CachedDecoderLayer> layers;
};

namespace {

// The rows and plans of a step.
struct Step {
  const StepRows& rows;
  const MaskPlan& self_plan;
  const MaskPlan& cross_plan;
  const Compute& compute;
};

Tensor layer_rows(CachedDecoderLayer& cached, const Tensor& x,
                  const Step& step) {
  const DecoderLayer& layer = *cached.layer;
  const NormOrder order = layer.norm_order();
  const Tensor self =
      residual_rows(x, layer.norm1, order, [&](const Tensor& input) {
        return cached.self.forward(input, step.rows, step.self_plan,
                                   step.compute);
      });
  const Tensor cross =
      residual_rows(self, layer.norm2, order, [&](const Tensor& input) {
        return cached.cross.forward(input, step.rows, step.cross_plan,
                                    step.compute);
      });
  return residual_rows(cross, layer.norm3, order, [&](const Tensor& input) {
    return layer.feed_forward.forward(input, step.compute).y;
  });
}

}  // namespace
}  // namespace detail

TransformerState::TransformerState(const Transformer& model,
                                   const TokenBatch& source,
                                   const TransformerMasks& masks,
                                   const TransformerStateOptions& options,
                                   const Compute& compute)
    : data_(std::make_unique<detail::TransformerStateData>(model, source, masks,
                                                           options, compute)) {}

TransformerState::TransformerState(TransformerState&&) noexcept = default;
TransformerState& TransformerState::operator=(TransformerState&&) noexcept =
    default;
TransformerState::~TransformerState() = default;

int64_t TransformerState::batch() const { return data_->sequences.count(); }

int64_t TransformerState::length(int64_t sequence) const {
  return data_->sequences.length(sequence);
}

const Tensor& TransformerState::memory() const { return data_->memory; }

Tensor TransformerState::append(const TensorView& ids, const Compute& compute) {
  const detail::NewTokens found =
      data_->sequences.tokens_of(ids, data_->model->options().pad);
  return detail::unpacked_logits(append(found.sequences, found.tokens, compute),
                                 found, ids);
}

Tensor TransformerState::append(const std::vector<int64_t>& sequences,
                                const std::vector<int64_t>& tokens,
                                const Compute& compute) {
  detail::TransformerStateData& data = *data_;
  const detail::StepRows rows = data.sequences.checked(sequences, tokens);
  Tensor x = detail::embedded(data.model->target_embedding, tokens, rows);
  const detail::Step step = {rows, data.self_plan,
                             data.cross_plan(rows.longest), compute};
  for (detail::CachedDecoderLayer& each : data.layers) {
    x = detail::layer_rows(each, x, step);
  }
  data.sequences.grow(rows);
  return data.model->output.forward(data.model->decoder.norm.forward(x),
                                    compute);
}

void TransformerState::select(const std::vector<int64_t>& from) {
  for (size_t i = 0; i < from.size(); ++i) {
    const auto own = static_cast<int64_t>(i) / data_->targets;
    if (from[i] / data_->targets == own) continue;
    detail::fail(ErrorCode::invalid_argument, detail::kOperation,
                 "sequence {} from {}, a target of another source; expected "
                 "one from {} to {}",
                 i, from[i], own * data_->targets,
                 (own + 1) * data_->targets - 1);
  }
  data_->sequences.select(from);
  for (detail::CachedDecoderLayer& each : data_->layers) each.self.select(from);
}

}  // namespace maskwise::nn
