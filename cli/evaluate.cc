// maskwise evaluate: how often a trained model is right.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "flags.h"
#include "maskwise/maskwise.h"
#include "maskwise/nn/dataset.h"
#include "maskwise/nn/metrics.h"
#include "maskwise/nn/text_model.h"
#include "report.h"
#include "text_lines.h"

namespace maskwise::cli {
namespace {

struct EvaluateFlags {
  std::string folder;
  std::string test;
  int64_t beam = 5;
  std::optional<int> threads;
  bool json = false;
};

void report(nn::Task task, const nn::ErrorRates& rates, bool json) {
  const bool is_label = task == nn::Task::classify;
  if (json) {
    Json found = {{"n", rates.n}};
    if (is_label) {
      found["accuracy"] = rates.accuracy();
    } else {
      found["wer"] = rates.word_error_rate();
      found["per"] = rates.symbol_error_rate();
    }
    print(found.dump() + "\n");
    return;
  }
  print(is_label ? fmt::format("{} texts: {:.2f} % of the labels are right\n",
                               rates.n, rates.accuracy())
                 : fmt::format("{} texts: {:.2f} % have an error (WER), {:.2f} "
                               "% of the symbols (PER)\n",
                               rates.n, rates.word_error_rate(),
                               rates.symbol_error_rate()));
}

// In how many pairs a model does not know something, and a few examples.
struct Unknown {
  int64_t pairs = 0;
  std::vector<std::string> examples;  // different ones
  bool has_more = false;

  void add(const std::vector<std::string>& parts) {
    constexpr size_t kMostExamples = 3;
    pairs += parts.empty() ? 0 : 1;
    for (const std::string& part : parts) {
      if (std::ranges::count(examples, part) > 0) continue;
      has_more = has_more || examples.size() == kMostExamples;
      if (!has_more) examples.push_back(part);
    }
  }

  // On standard error, where there is any.
  void note(const std::string& what, std::string_view became) const {
    if (pairs == 0) return;
    std::string shown;
    for (const std::string& one : examples) {
      shown += (shown.empty() ? "" : ", ") + Json(one).dump();
    }
    std::cerr << fmt::format("note: the model does not know {} ({}{}); {}\n",
                             what, shown, has_more ? ", ..." : "", became);
  }
};

void note_unknown(const nn::TextModel& model,
                  const std::vector<nn::TextPair>& pairs) {
  Unknown source;
  Unknown target;
  for (const nn::TextPair& pair : pairs) {
    const nn::UnknownParts parts = model.unknown_in(pair);
    source.add(parts.source);
    target.add(parts.target);
  }
  source.note(fmt::format("symbols of {} of the texts", source.pairs),
              "it read them as unknown");
  const bool is_label = model.options().task == nn::Task::classify;
  target.note(is_label
                  ? fmt::format("the labels of {} of the texts", target.pairs)
                  : fmt::format("symbols of {} of the targets", target.pairs),
              "they were counted as wrong");
}

void evaluate(const EvaluateFlags& flags) {
  const std::unique_ptr<nn::TextModel> model =
      nn::load_text_model(flags.folder);
  const std::vector<nn::TextPair> pairs = nn::load_pairs(flags.test);
  const std::vector<std::string> texts =
      nn::sides(pairs, &nn::TextPair::source);
  check_texts(*model, texts, nn::UnknownSymbols::read, "evaluate", flags.test);
  const std::vector<std::string> answers =
      model->predict(texts, {.beam = flags.beam}, {.threads = flags.threads});
  report(model->options().task,
         nn::error_rates(nn::sides(pairs, &nn::TextPair::target), answers,
                         model->target_split()),
         flags.json);
  note_unknown(*model, pairs);
}

}  // namespace

void add_evaluate(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<EvaluateFlags>();
  CLI::App* command = add_command(
      app, "evaluate", "How often a trained model is right on pairs of texts",
      "maskwise evaluate model test.tsv");
  command->add_option("model", flags->folder, "Folder that train wrote")
      ->type_name("MODEL_DIR")
      ->required();
  command->add_option("test", flags->test, "Pairs, tab-separated")
      ->type_name("TEST.tsv")
      ->required();
  add_beam_flag(*command, flags->beam);
  add_threads_flag(*command, flags->threads);
  add_json_flag(*command, flags->json);
  command->callback([flags] { evaluate(*flags); });
}

}  // namespace maskwise::cli
