// maskwise predict: what a trained model answers.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands.h"
#include "flags.h"
#include "maskwise/maskwise.h"
#include "maskwise/nn/dataset.h"
#include "maskwise/nn/text_model.h"
#include "report.h"
#include "text_lines.h"

namespace maskwise::cli {
namespace {

struct PredictFlags {
  std::string folder;
  std::vector<std::string> texts;
  std::optional<std::string> input;
  int64_t beam = 5;
  std::optional<int> threads;
};

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
      flags.input ? nn::load_texts(*flags.input) : flags.texts;
  constexpr auto kUnknown = nn::UnknownSymbols::refuse;
  if (flags.input) {
    check_texts(*model, texts, kUnknown, "predict", *flags.input);
  }
  std::string lines;
  for (const std::string& answer :
       model->predict(texts, {.beam = flags.beam, .unknown = kUnknown},
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
