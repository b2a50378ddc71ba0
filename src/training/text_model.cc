#include "maskwise/nn/text_model.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "maskwise/nn/initialise.h"
#include "training/classifier_model.h"
#include "training/model_folder.h"
#include "training/seq2seq_model.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;

constexpr std::string_view kOperation = "text_model";

// As Su et al. 2021.
constexpr double kRotaryBase = 10000;

// Of the sources: a few with a space among words do not make them sentences.
constexpr double kMost = 0.5;

// Symbols that an answer may have beyond twice the longest target.
constexpr int64_t kSpareSymbols = 8;

// Numbers in a table of positions: 1 GiB, far beyond any text worth reading.
constexpr int64_t kMostPositions = int64_t{1} << 28U;

TextModelOptions with_longest_answer(const TextModelOptions& options,
                                     const Vocabulary& target,
                                     const std::vector<TextPair>& pairs) {
  TextModelOptions found = options;
  if (found.longest_answer != 0) return found;
  int64_t longest = 0;
  for (const TextPair& one : pairs) {
    longest = std::max<int64_t>(longest, std::ssize(target.encode(one.target)));
  }
  found.longest_answer =
      std::min(options.max_length, 2 * longest + kSpareSymbols);
  return found;
}

void check_lengths(const TextModelOptions& options) {
  const int64_t most =
      kMostPositions / std::max<int64_t>(1, options.layer.features);
  if (options.max_length < 1 || options.max_length > most) {
    fail(ErrorCode::invalid_argument, kOperation,
         "a max_length of {}; expected from 1 to {} with {} features",
         options.max_length, most, options.layer.features);
  }
  const int64_t least = options.task == Task::seq2seq ? 1 : 0;
  if (options.longest_answer >= least &&
      options.longest_answer <= options.max_length) {
    return;
  }
  fail(ErrorCode::invalid_argument, kOperation,
       "a longest_answer of {}; expected from {} to {}, the max_length",
       options.longest_answer, least, options.max_length);
}

}  // namespace

TextModelOptions text_model_preset(Task task, std::string_view name) {
  if (name != "tiny" && name != "small") {
    fail(ErrorCode::invalid_argument, kOperation,
         "unknown preset '{}'; expected tiny or small",
         maskwise::detail::printable(name));
  }
  const bool is_tiny = name == "tiny";
  TextModelOptions options;
  options.task = task;
  options.layers = is_tiny ? 2 : 4;
  options.layer.features = is_tiny ? 64 : 128;
  options.layer.heads = 4;
  options.layer.hidden = is_tiny ? 256 : 512;
  options.layer.norm_order = NormOrder::pre;
  options.layer.dropout = is_tiny ? 0.1 : 0.3;
  options.layer.rotary_base = kRotaryBase;
  return options;
}

std::unique_ptr<TextModel> make_text_model(const TextModelOptions& options,
                                           const std::vector<TextPair>& pairs,
                                           uint64_t seed) {
  if (pairs.empty()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "no pair to make a model for; expected at least 1");
  }
  const std::vector<std::string> sources = sides(pairs, &TextPair::source);
  Vocabulary source = Vocabulary::from_texts(
      sources,
      {.split = options.source_split.value_or(split_for(sources, kMost))});
  std::unique_ptr<TextModel> model;
  if (options.task == Task::classify) {
    check_lengths(options);
    std::set<std::string> labels;
    for (const TextPair& one : pairs) labels.insert(one.target);
    model = std::make_unique<detail::ClassifierModel>(
        options, std::move(source),
        std::vector<std::string>(labels.begin(), labels.end()));
  } else {
    Vocabulary target = Vocabulary::from_texts(sides(pairs, &TextPair::target));
    const TextModelOptions found = with_longest_answer(options, target, pairs);
    check_lengths(found);
    model = std::make_unique<detail::Seq2SeqModel>(found, std::move(source),
                                                   std::move(target));
  }
  initialise(model->module(), seed);
  return model;
}

std::unique_ptr<TextModel> load_text_model(const std::string& folder) {
  const auto vocabulary = [&](std::string_view name) {
    return Vocabulary::load(detail::file_in(folder, name));
  };
  const detail::StoredOptions stored = detail::load_options(folder);
  const auto& [options, labels] = stored;
  const bool classifies = options.task == Task::classify;
  const Vocabulary source = vocabulary(detail::kSourceFile);
  const Vocabulary target =
      classifies ? source : vocabulary(detail::kTargetFile);
  detail::check_digests(folder, detail::digests_of(stored, source, target));
  const TensorMap values = detail::load_values(folder, options);
  std::unique_ptr<TextModel> model;
  detail::naming(detail::file_in(folder, detail::kModelFile), [&] {
    check_lengths(options);
    if (classifies) {
      model =
          std::make_unique<detail::ClassifierModel>(options, source, labels);
    } else {
      model = std::make_unique<detail::Seq2SeqModel>(options, source, target);
    }
  });
  detail::load_parameters(folder, values, model->module());
  return model;
}

}  // namespace maskwise::nn
