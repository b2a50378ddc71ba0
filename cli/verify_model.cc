// maskwise verify-model: counts the bits that padding, batch mates and threads
// change in what a trained model computes.
#include "maskwise/nn/verify_model.h"

#include <fmt/format.h>

#include <algorithm>
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

namespace maskwise::cli {
namespace {

constexpr int64_t kMostTexts = 100000;

struct VerifyModelFlags {
  std::string folder;
  std::string pairs;
  int64_t texts = 64;
  int64_t beam = 5;
  std::optional<int> threads;
  bool json = false;
};

Json json_of(const std::optional<nn::BitCount>& count) {
  if (!count) return nullptr;
  return {{"compared", count->compared}, {"bits_changed", count->changed}};
}

Json json_of(const nn::ModelReport& report) {
  Json changes = Json::array();
  for (const nn::BatchChange& one : report.changes) {
    changes.push_back({{"change", one.name},
                       {"losses", json_of(one.losses)},
                       {"symbol_gradients", json_of(one.symbols)},
                       {"parameter_gradients", json_of(one.parameters)},
                       {"answers", json_of(one.answers)}});
  }
  return {{"texts", report.texts},
          {"symbols", report.symbols},
          {"changes", std::move(changes)},
          {"bits_changed", report.bits_changed()}};
}

std::string cell_of(const std::optional<nn::BitCount>& count) {
  return count ? human_count(count->changed) : "-";
}

// The largest number of values that a kind was compared on.
int64_t most_compared(const nn::ModelReport& report,
                      std::optional<nn::BitCount> nn::BatchChange::*kind) {
  int64_t most = 0;
  for (const nn::BatchChange& one : report.changes) {
    if (one.name == "threads") continue;  // twice
    most = std::max(most, (one.*kind).value_or(nn::BitCount{}).compared);
  }
  return most;
}

std::string text_of(const nn::ModelReport& report) {
  constexpr auto kRow = "{:<32} {:>9} {:>12} {:>14} {:>9}\n";
  std::string text = fmt::format(
      "{} texts, {} symbols, read as one batch without its padding. Bits that "
      "change:\n\n",
      human_count(report.texts), human_count(report.symbols));
  text += fmt::format("{:>55} {:>14}\n", "gradients", "gradients");
  text +=
      fmt::format(kRow, "", "losses", "of symbols", "of parameters", "answers");
  for (const nn::BatchChange& one : report.changes) {
    text +=
        fmt::format(kRow, one.text, cell_of(one.losses), cell_of(one.symbols),
                    cell_of(one.parameters), cell_of(one.answers));
  }
  const auto compared = [&](auto kind) {
    return human_count(most_compared(report, kind));
  };
  text += fmt::format(kRow, "of so many numbers (bytes)",
                      compared(&nn::BatchChange::losses),
                      compared(&nn::BatchChange::symbols),
                      compared(&nn::BatchChange::parameters),
                      compared(&nn::BatchChange::answers));
  const int64_t bits = report.bits_changed();
  return text + (bits == 0 ? "\n0 bits changed: masked means absent\n"
                           : fmt::format("\n{} bits changed: a LEAK\n",
                                         human_count(bits)));
}

int verify_model(const VerifyModelFlags& flags) {
  const std::unique_ptr<nn::TextModel> model =
      nn::load_text_model(flags.folder);
  std::vector<nn::TextPair> pairs = nn::load_pairs(flags.pairs);
  pairs.resize(std::min(pairs.size(), static_cast<size_t>(flags.texts)));
  const nn::ModelReport report = nn::verify_model(
      *model, pairs, {.beam = flags.beam}, {.threads = flags.threads});
  if (flags.json) {
    print(json_of(report));
  } else {
    print(text_of(report));
  }
  return report.bits_changed() == 0 ? 0 : kCheckFailed;
}

}  // namespace

void add_verify_model(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<VerifyModelFlags>();
  CLI::App* command = add_command(
      app, "verify-model",
      "Counts the bits that padding and batch mates change in a trained model",
      "maskwise verify-model model test.tsv");
  command->add_option("model", flags->folder, "Folder that train wrote")
      ->type_name("MODEL_DIR")
      ->required();
  command->add_option("pairs", flags->pairs, "Pairs, tab-separated")
      ->type_name("TEST.tsv")
      ->required();
  command->add_option("--texts", flags->texts, "The first so many pairs")
      ->type_name("N")
      ->check(whole_number(1, kMostTexts))
      ->capture_default_str();
  add_beam_flag(*command, flags->beam);
  add_threads_flag(*command, flags->threads);
  add_json_flag(*command, flags->json);
  command->callback([flags, &exit_code] { exit_code = verify_model(*flags); });
}

}  // namespace maskwise::cli
