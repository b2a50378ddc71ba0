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

// Symbols that an answer may have beyond twice the longest target.
constexpr int64_t kSpareSymbols = 8;

std::vector<std::string> sides(const std::vector<TextPair>& pairs,
                               std::string TextPair::*side) {
  std::vector<std::string> texts;
  for (const TextPair& one : pairs) texts.push_back(one.*side);
  return texts;
}

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
  options.layer.dropout = is_tiny ? 0.1 : 0.2;
  return options;
}

std::unique_ptr<TextModel> make_text_model(const TextModelOptions& options,
                                           const std::vector<TextPair>& pairs,
                                           uint64_t seed) {
  if (pairs.empty()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "no pair to make a model for; expected at least 1");
  }
  Vocabulary source = Vocabulary::from_texts(sides(pairs, &TextPair::source));
  std::unique_ptr<TextModel> model;
  if (options.task == Task::classify) {
    std::set<std::string> labels;
    for (const TextPair& one : pairs) labels.insert(one.target);
    model = std::make_unique<detail::ClassifierModel>(
        options, std::move(source),
        std::vector<std::string>(labels.begin(), labels.end()));
  } else {
    Vocabulary target = Vocabulary::from_texts(sides(pairs, &TextPair::target));
    const TextModelOptions found = with_longest_answer(options, target, pairs);
    model = std::make_unique<detail::Seq2SeqModel>(found, std::move(source),
                                                   std::move(target));
  }
  initialise(model->module(), seed);
  return model;
}

std::unique_ptr<TextModel> load_text_model(const std::string& folder) {
  const detail::StoredOptions stored = detail::load_options(folder);
  Vocabulary source =
      Vocabulary::load(detail::file_in(folder, detail::kSourceFile));
  std::unique_ptr<TextModel> model;
  if (stored.options.task == Task::classify) {
    model = std::make_unique<detail::ClassifierModel>(
        stored.options, std::move(source), stored.labels);
  } else {
    model = std::make_unique<detail::Seq2SeqModel>(
        stored.options, std::move(source),
        Vocabulary::load(detail::file_in(folder, detail::kTargetFile)));
  }
  detail::load_parameters(folder, model->module());
  return model;
}

}  // namespace maskwise::nn
