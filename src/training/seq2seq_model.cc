#include "training/seq2seq_model.h"

#include <utility>

#include "maskwise/nn/generate.h"
#include "maskwise/nn/loss.h"
#include "maskwise/nn/transformer_state.h"
#include "training/model_folder.h"
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

// A packed batch with its masks.
struct Seq2SeqBatch {
  Seq2SeqBatch(const std::vector<TextExample>& examples,
               std::optional<uint64_t> dropout)
      : Seq2SeqBatch(examples, targets_of(examples), dropout) {}

  Seq2SeqBatch(const std::vector<TextExample>& examples, const Targets& targets,
               std::optional<uint64_t> dropout)
      : source(sources_of(examples), numbers_of(examples), dropout),
        target(targets.read, numbers_of(examples), dropout),
        next(padded_ids(targets.next), Vocabulary::kPad),
        masks(packed_masks(source.packing(), target.packing())) {}

  TransformerInput input() const { return {source.batch(), target.batch()}; }

  PackedTexts source;
  PackedTexts target;
  Packing next;
  TransformerMasks masks;
};

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

std::vector<LossSum> Seq2SeqModel::losses(
    const std::vector<TextExample>& examples, const Compute& compute) {
  const Seq2SeqBatch batch(examples, std::nullopt);
  const Tensor logits =
      transformer_.forward(batch.input(), batch.masks, compute).logits;
  const CrossEntropy found =
      cross_entropy(logits, batch.next.ids(), {}, compute);
  std::vector<LossSum> sums;
  const auto* at = found.losses.data<float>();
  for (const TextExample& one : examples) {
    LossSum sum = {.targets = std::ssize(one.target) + 1};
    for (int64_t i = 0; i < sum.targets; ++i) sum.sum += *at++;
    sums.push_back(sum);
  }
  return sums;
}

LossSum Seq2SeqModel::add_gradients(const std::vector<TextExample>& examples,
                                    const LossOptions& options,
                                    const Compute& compute) {
  const Seq2SeqBatch batch(examples, options.dropout);
  const TransformerInput input = batch.input();
  const TransformerResult result =
      transformer_.forward(input, batch.masks, compute);
  const CrossEntropyOptions loss = {.smoothing = options.smoothing};
  const CrossEntropy found =
      cross_entropy(result.logits, batch.next.ids(), loss, compute);
  const Tensor d_logits = cross_entropy_backward(
      result.logits, batch.next.ids(), options.factor, loss, compute);
  transformer_.backward(input, result, d_logits, compute);
  return {sentence_losses(found.losses).front(), found.count};
}

std::vector<std::string> Seq2SeqModel::predict(
    const std::vector<std::string>& texts, const PredictOptions& options,
    const Compute& compute) {
  return answers_by_length(
      texts, options.most_texts,
      [&](const std::string& text) {
        return ids_of(kOperation, text, source_,
                      {options_.max_length, options.unknown});
      },
      [&](const std::vector<std::vector<int64_t>>& ids) {
        const Tensor source = padded_ids(ids);
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

std::unique_ptr<TextModel> Seq2SeqModel::twin() const {
  auto twin = std::make_unique<Seq2SeqModel>(options_, source_, target_);
  share_parameters(transformer_, twin->transformer_);
  return twin;
}

void Seq2SeqModel::save(const std::string& folder) {
  save_options(folder, {options_, {}});
  source_.save(file_in(folder, kSourceFile));
  target_.save(file_in(folder, kTargetFile));
  save_parameters(folder, transformer_);
}

}  // namespace maskwise::nn::detail
