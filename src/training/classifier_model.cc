#include "training/classifier_model.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "maskwise/nn/loss.h"
#include "training/attention_sites.h"
#include "training/model_folder.h"
#include "training/text_answers.h"
#include "training/text_batch.h"
#include "training/utf8.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::fail;
using maskwise::detail::printable;

constexpr std::string_view kOperation = "classify";

EncoderClassifierOptions classifier_of(const TextModelOptions& options,
                                       const Vocabulary& source,
                                       const std::vector<std::string>& labels) {
  return {.tokens = source.size(),
          .classes = std::ssize(labels),
          .layers = options.layers,
          .layer = options.layer,
          .max_length = options.max_length,
          .pad = Vocabulary::kPad};
}

// Labels that can be looked up, and written as JSON.
std::vector<std::string> checked(std::vector<std::string> labels) {
  if (labels.empty()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "no label; expected at least 1");
  }
  for (size_t i = 0; i < labels.size(); ++i) {
    if (first_bad_byte(labels[i])) {
      fail(ErrorCode::invalid_argument, kOperation,
           "the label '{}' is not UTF-8", printable(labels[i]));
    }
    if (i == 0 || labels[i - 1] < labels[i]) continue;
    fail(ErrorCode::invalid_argument, kOperation,
         "the label '{}' comes after '{}'; expected labels in order, each once",
         printable(labels[i]), printable(labels[i - 1]));
  }
  return labels;
}

// A batch with its mask and its labels.
struct ClassifierBatch {
  explicit ClassifierBatch(const std::vector<TextExample>& examples,
                           const BatchLayout& layout = {},
                           std::optional<uint64_t> seed = {})
      : texts(sources_of(examples), layout, dropout_of(examples, seed)),
        mask(texts.packing()
                 ? documents({"source", texts.packing()->documents()})
                 : padding({"source", texts.ids()}, {.pad = Vocabulary::kPad})),
        input(texts.batch()) {
    std::vector<int64_t> each;
    for (const TextExample& one : examples) each.push_back(one.target.front());
    labels = Tensor::from<int64_t>({std::ssize(each)}, each);
  }

  TextBatch texts;
  Mask mask;
  TokenBatch input;
  Tensor labels;
};

// What a batch teaches.
struct Lesson {
  CrossEntropy loss;
  Tensor d_source;
};

Lesson learn(EncoderClassifier& classifier, const ClassifierBatch& batch,
             const LossOptions& options, const Compute& compute) {
  const EncoderClassifierResult result =
      classifier.forward(batch.input, batch.mask, compute);
  const CrossEntropyOptions loss = {.smoothing = options.smoothing};
  Lesson lesson;
  lesson.loss = cross_entropy(result.logits, batch.labels, loss, compute);
  const Tensor d_logits = cross_entropy_backward(result.logits, batch.labels,
                                                 options.factor, loss, compute);
  lesson.d_source = classifier.backward(batch.input, result, d_logits, compute);
  return lesson;
}

// Each label is one target.
std::vector<LossSum> sums_of(const CrossEntropy& found) {
  std::vector<LossSum> sums;
  for (const double one : sentence_losses(found.losses)) {
    sums.push_back({one, 1});
  }
  return sums;
}

}  // namespace

ClassifierModel::ClassifierModel(const TextModelOptions& options,
                                 Vocabulary source,
                                 std::vector<std::string> labels)
    : options_(options),
      source_(std::move(source)),
      labels_(checked(std::move(labels))),
      classifier_(classifier_of(options, source_, labels_)) {}

TextExample ClassifierModel::encode(const TextPair& pair) const {
  TextExample example = {.source = source_.encode(pair.source)};
  check_length(kOperation, pair.source, std::ssize(example.source),
               options_.max_length);
  const auto found = std::ranges::lower_bound(labels_, pair.target);
  if (found == labels_.end() || *found != pair.target) {
    fail(ErrorCode::invalid_argument, kOperation,
         "the label '{}' is none of the model's {}, the first '{}'",
         printable(pair.target), labels_.size(), printable(labels_.front()));
  }
  example.target = {found - labels_.begin()};
  return example;
}

TextIds ClassifierModel::encode_source(const std::string& text,
                                       UnknownSymbols unknown) const {
  return ids_of(kOperation, text, source_, {options_.max_length, unknown});
}

UnknownParts ClassifierModel::unknown_in(const TextPair& pair) const {
  UnknownParts found = {.source = unknown_symbols(pair.source, source_)};
  if (!std::ranges::binary_search(labels_, pair.target)) {
    found.target = {pair.target};
  }
  return found;
}

std::vector<LossSum> ClassifierModel::losses(
    const std::vector<TextExample>& examples, const Compute& compute) {
  const ClassifierBatch batch(examples);
  const Tensor logits =
      classifier_.forward(batch.input, batch.mask, compute).logits;
  return sums_of(cross_entropy(logits, batch.labels, {}, compute));
}

LossSum ClassifierModel::add_gradients(const std::vector<TextExample>& examples,
                                       const LossOptions& options,
                                       const Compute& compute) {
  const ClassifierBatch batch(examples, {}, options.dropout);
  const CrossEntropy found = learn(classifier_, batch, options, compute).loss;
  LossSum all;
  for (const LossSum& one : sums_of(found)) all += one;
  return all;
}

TextGradients ClassifierModel::gradients(
    const std::vector<TextExample>& examples,
    const TextGradientOptions& options, const Compute& compute) {
  if (options.poisoned) {
    fail(ErrorCode::invalid_argument, kOperation,
         "poisoned padding; expected none: the mean over a text goes by the "
         "ids of padding, not by a mask");
  }
  const ClassifierBatch batch(examples, options.layout);
  const std::unique_ptr<ClassifierModel> own = sharing();
  const Lesson lesson = learn(own->classifier_, batch, {}, compute);
  TextGradients found = {.losses = sums_of(lesson.loss),
                         .source = {},
                         .target = {},
                         .parameters = own->classifier_.gradients()};
  for (size_t i = 0; i < examples.size(); ++i) {
    found.source.push_back(batch.texts.rows_of(lesson.d_source, i));
  }
  return found;
}

std::vector<AttentionSite> ClassifierModel::attention_sites(
    const std::vector<TextExample>& examples, int64_t layer,
    const Compute& compute) {
  check_sites(kOperation, examples, layer, options_);
  const ClassifierBatch batch(examples, {.padding = Padding::right});
  const EncoderClassifierResult result =
      classifier_.forward(batch.input, batch.mask, compute);
  const SiteTokens tokens = {batch.texts.ids(), source_};
  const auto& at = result.encoder.layers[static_cast<size_t>(layer)];
  return {site_of("encoder", {batch.mask, tokens, tokens}, at.self.attention,
                  compute)};
}

std::vector<std::string> ClassifierModel::predict(
    const std::vector<std::string>& texts, const PredictOptions& options,
    const Compute& compute) {
  return answers_by_length(
      texts, options.most_texts,
      [&](const std::string& text) {
        return encode_source(text, options.unknown);
      },
      [&](const std::vector<TextIds>& ids) {
        std::vector<TextExample> examples;
        for (const TextIds& one : ids) examples.push_back({one, {0}});
        const ClassifierBatch batch(examples, options.layout);
        const Tensor logits =
            classifier_.forward(batch.input, batch.mask, compute).logits;
        std::vector<std::string> answers;
        const auto* row = logits.data<float>();
        for (size_t i = 0; i < ids.size(); ++i, row += labels_.size()) {
          const auto* best = std::max_element(row, row + labels_.size());
          answers.push_back(labels_[static_cast<size_t>(best - row)]);
        }
        return answers;
      });
}

std::unique_ptr<TextModel> ClassifierModel::twin() const { return sharing(); }

std::unique_ptr<ClassifierModel> ClassifierModel::sharing() const {
  auto twin = std::make_unique<ClassifierModel>(options_, source_, labels_);
  share_parameters(classifier_, twin->classifier_);
  return twin;
}

void ClassifierModel::save(const std::string& folder) {
  const StoredOptions stored = {options_, labels_};
  save_options(folder, stored);
  source_.save(file_in(folder, kSourceFile));
  save_parameters(folder, classifier_, digests_of(stored, source_, source_));
}

}  // namespace maskwise::nn::detail
