#include "training/seq2seq_model.h"

#include <utility>

#include "maskwise/nn/generate.h"
#include "maskwise/nn/loss.h"
#include "maskwise/nn/transformer_state.h"
#include "training/attention_sites.h"
#include "training/model_folder.h"
#include "training/poisoned_row.h"
#include "training/text_answers.h"
#include "training/text_batch.h"

namespace maskwise::nn::detail {
namespace {

constexpr std::string_view kOperation = "seq2seq";

TransformerOptions transformer_of(const TextModelOptions& options,
                                  const Vocabulary& source,
                                  const Vocabulary& target) {
  return {.source_tokens = source.size(),
          .target_tokens = target.size(),
          .encoder_layers = options.layers,
          .decoder_layers = options.layers,
          .layer = options.layer,
          .max_length = options.max_length,
          .pad = Vocabulary::kPad};
}

// What the decoder reads, and what is to come after each symbol of it.
struct Targets {
  std::vector<std::vector<int64_t>> read;
  std::vector<std::vector<int64_t>> next;
};

Targets targets_of(const std::vector<TextExample>& examples) {
  Targets targets;
  for (const TextExample& one : examples) {
    std::vector<int64_t> read = {Vocabulary::kBegin};
    read.insert(read.end(), one.target.begin(), one.target.end());
    std::vector<int64_t> next = one.target;
    next.push_back(Vocabulary::kEnd);
    targets.read.push_back(std::move(read));
    targets.next.push_back(std::move(next));
  }
  return targets;
}

// Symbols that no text is read with: they stand for padding that is poisoned.
constexpr int64_t kSourceFiller = Vocabulary::kBegin;
constexpr int64_t kTargetFiller = Vocabulary::kEnd;

// Masks by padding, or by documents where texts are packed.
TransformerMasks masks_of(const TextBatch& source, const TextBatch& target) {
  return source.packing() ? packed_masks(*source.packing(), *target.packing())
                          : padding_masks(source.ids(), target.ids());
}

// A batch with its masks and what is to be predicted.
struct Seq2SeqBatch {
  explicit Seq2SeqBatch(const std::vector<TextExample>& examples,
                        const BatchLayout& layout = {},
                        std::optional<uint64_t> seed = {})
      : Seq2SeqBatch(examples, targets_of(examples), layout,
                     dropout_of(examples, seed)) {}

  Seq2SeqBatch(const std::vector<TextExample>& examples, const Targets& targets,
               const BatchLayout& layout,
               const std::optional<TextDropout>& dropout)
      : source(sources_of(examples), layout, dropout),
        target(targets.read, layout, dropout),
        next(TextBatch(targets.next, layout).ids()),
        masks(masks_of(source, target)),
        input({source.batch(), target.batch()}) {}

  // Reads fillers in the place of padding. Their rows are computed, so they are
  // masked as queries, too.
  void fill_padding() {
    if (source.packing()) return;
    input = {source.batch(kSourceFiller), target.batch(kTargetFiller)};
    const MaskTensor q = {"target", target.presence()};
    const MaskTensor k = {"source", source.presence()};
    masks = {documents(k), causal() & documents(q), documents(q, k)};
  }

  TextBatch source;
  TextBatch target;
  Tensor next;
  TransformerMasks masks;
  TransformerInput input;
};

// What a batch teaches.
struct Lesson {
  CrossEntropy loss;
  TransformerGradients inputs;
};

Lesson learn(Transformer& transformer, const Seq2SeqBatch& batch,
             const LossOptions& options, const Compute& compute) {
  const TransformerResult result =
      transformer.forward(batch.input, batch.masks, compute);
  const CrossEntropyOptions loss = {.pad = Vocabulary::kPad,
                                    .smoothing = options.smoothing};
  Lesson lesson;
  lesson.loss = cross_entropy(result.logits, batch.next, loss, compute);
  const Tensor d_logits = cross_entropy_backward(result.logits, batch.next,
                                                 options.factor, loss, compute);
  lesson.inputs = transformer.backward(batch.input, result, d_logits, compute);
  return lesson;
}

}  // namespace

Seq2SeqModel::Seq2SeqModel(const TextModelOptions& options, Vocabulary source,
                           Vocabulary target)
    : options_(options),
      source_(std::move(source)),
      target_(std::move(target)),
      transformer_(transformer_of(options, source_, target_)) {}

TextExample Seq2SeqModel::encode(const TextPair& pair) const {
  TextExample example = {.source = source_.encode(pair.source),
                         .target = target_.encode(pair.target)};
  check_length(kOperation, pair.source, std::ssize(example.source),
               options_.max_length);
  check_length(kOperation, pair.target, std::ssize(example.target) + 1,
               options_.max_length);
  return example;
}

TextIds Seq2SeqModel::encode_source(const std::string& text,
                                    UnknownSymbols unknown) const {
  return ids_of(kOperation, text, source_, {options_.max_length, unknown});
}

UnknownParts Seq2SeqModel::unknown_in(const TextPair& pair) const {
  return {.source = unknown_symbols(pair.source, source_),
          .target = unknown_symbols(pair.target, target_)};
}

std::vector<LossSum> Seq2SeqModel::losses(
    const std::vector<TextExample>& examples, const Compute& compute) {
  const Seq2SeqBatch batch(examples);
  const Tensor logits =
      transformer_.forward(batch.input, batch.masks, compute).logits;
  return batch.target.loss_sums(
      cross_entropy(logits, batch.next, {}, compute).losses);
}

LossSum Seq2SeqModel::add_gradients(const std::vector<TextExample>& examples,
                                    const LossOptions& options,
                                    const Compute& compute) {
  const Seq2SeqBatch batch(examples, {}, options.dropout);
  const CrossEntropy found = learn(transformer_, batch, options, compute).loss;
  return {sentence_losses(found.losses).front(), found.count};
}

TextGradients Seq2SeqModel::gradients(const std::vector<TextExample>& examples,
                                      const TextGradientOptions& options,
                                      const Compute& compute) {
  const std::unique_ptr<Seq2SeqModel> own = sharing();
  Seq2SeqBatch batch(examples, options.layout);
  std::optional<PoisonedRow> source;
  std::optional<PoisonedRow> target;
  if (options.poisoned) {
    batch.fill_padding();
    source.emplace(transformer_.source_embedding, kSourceFiller);
    target.emplace(transformer_.target_embedding, kTargetFiller);
  }
  const Lesson lesson = learn(own->transformer_, batch, {}, compute);
  TextGradients found = {.losses = batch.target.loss_sums(lesson.loss.losses),
                         .source = {},
                         .target = {},
                         .parameters = own->transformer_.gradients()};
  for (size_t i = 0; i < examples.size(); ++i) {
    found.source.push_back(batch.source.rows_of(lesson.inputs.d_source, i));
    found.target.push_back(batch.target.rows_of(lesson.inputs.d_target, i));
  }
  return found;
}

std::vector<AttentionSite> Seq2SeqModel::attention_sites(
    const std::vector<TextExample>& examples, int64_t layer,
    const Compute& compute) {
  check_sites(kOperation, examples, layer, options_);
  const Seq2SeqBatch batch(examples, {.padding = Padding::right});
  const TransformerResult result =
      transformer_.forward(batch.input, batch.masks, compute);
  const auto at = static_cast<size_t>(layer);
  const DecoderLayerResult& decoder = result.decoder.layers[at];
  const SiteTokens source = {batch.source.ids(), source_};
  const SiteTokens target = {batch.target.ids(), target_};
  return {site_of("encoder", {batch.masks.encoder, source, source},
                  result.encoder.layers[at].self.attention, compute),
          site_of("decoder", {batch.masks.decoder, target, target},
                  decoder.self.attention, compute),
          site_of("cross", {batch.masks.cross, target, source},
                  decoder.cross.attention, compute)};
}

std::vector<std::string> Seq2SeqModel::predict(
    const std::vector<std::string>& texts, const PredictOptions& options,
    const Compute& compute) {
  return answers_by_length(
      texts, options.most_texts,
      [&](const std::string& text) {
        return encode_source(text, options.unknown);
      },
      [&](const std::vector<std::vector<int64_t>>& ids) {
        const Tensor source = placed_ids(ids, options.layout);
        const GenerateOptions search = {
            .begin = Vocabulary::kBegin,
            .end = Vocabulary::kEnd,
            .max_length = options_.longest_answer,
            .beam = options.beam,
            .length_penalty = options.length_penalty};
        std::vector<std::string> answers;
        for (const Generated& one :
             generate(transformer_, source, growing_masks(source), search,
                      compute)) {
          answers.push_back(target_.decode(one.tokens));
        }
        return answers;
      });
}

std::unique_ptr<TextModel> Seq2SeqModel::twin() const { return sharing(); }

std::unique_ptr<Seq2SeqModel> Seq2SeqModel::sharing() const {
  auto twin = std::make_unique<Seq2SeqModel>(options_, source_, target_);
  share_parameters(transformer_, twin->transformer_);
  return twin;
}

void Seq2SeqModel::save(const std::string& folder) {
  const StoredOptions stored = {options_, {}};
  save_options(folder, stored);
  source_.save(file_in(folder, kSourceFile));
  target_.save(file_in(folder, kTargetFile));
  save_parameters(folder, transformer_, digests_of(stored, source_, target_));
}

}  // namespace maskwise::nn::detail
