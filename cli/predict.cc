// maskwise predict: what a trained model answers.
#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "flags.h"
#include "maskwise/maskwise.h"
#include "maskwise/nn/text_model.h"
#include "report.h"

namespace maskwise::cli {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct PredictFlags {
  std::string folder;
  std::vector<std::string> texts;
  std::optional<std::string> input;
  int64_t beam = 5;
  std::optional<int> threads;
};

// One text a line; what a line holds before its first tab.
std::vector<std::string> texts_of(const std::string& path) {
  std::istringstream lines(load_text(path));
  std::vector<std::string> texts;
  for (std::string line; std::getline(lines, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (texts.empty() && line.starts_with(kByteOrderMark)) {
      line.erase(0, kByteOrderMark.size());
    }
    texts.push_back(line.substr(0, line.find('\t')));
    if (texts.back().empty()) {
      throw Error(ErrorCode::io,
                  fmt::format("[predict] '{}', line {}: no text; expected one "
                              "on each line",
                              path, texts.size()));
    }
  }
  if (texts.empty()) {
    throw Error(
        ErrorCode::io,
        fmt::format("[predict] '{}' is empty; expected a text on each line",
                    path));
  }
  return texts;
}

void predict(const PredictFlags& flags) {
  if (flags.input.has_value() == !flags.texts.empty()) {
    throw Error(ErrorCode::invalid_argument,
                flags.input
                    ? "[predict] texts and --input were given; expected "
                      "one of them"
                    : "[predict] nothing to answer; expected texts or "
                      "--input FILE");
  }
  const std::unique_ptr<nn::TextModel> model =
      nn::load_text_model(flags.folder);
  const std::vector<std::string> texts =
      flags.input ? texts_of(*flags.input) : flags.texts;
  std::string lines;
  for (const std::string& answer : model->predict(
           texts, {.beam = flags.beam, .unknown = nn::UnknownSymbols::refuse},
           {.threads = flags.threads})) {
    lines += answer + "\n";
  }
  print(lines);
}

}  // namespace

void add_predict(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<PredictFlags>();
  CLI::App* command =
      add_command(app, "predict", "What a trained model answers, a line each",
                  "maskwise predict model hello world");
  command->add_option("model", flags->folder, "Folder that train wrote")
      ->type_name("MODEL_DIR")
      ->required();
  command->add_option("texts", flags->texts, "Texts to answer")
      ->type_name("TEXT");
  command
      ->add_option("--input", flags->input,
                   "A text on each line, up to its tab where it has one")
      ->type_name("FILE");
  add_beam_flag(*command, flags->beam,
                "Hypotheses of a text; 1: greedy. A label has none");
  add_threads_flag(*command, flags->threads);
  command->callback([flags] { predict(*flags); });
}

}  // namespace maskwise::cli
