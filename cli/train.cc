// maskwise train: a model from pairs of texts, its masks made from token ids.
#include <fmt/format.h>
#include <malloc.h>

#include <climits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "flags.h"
#include "maskwise/maskwise.h"
#include "maskwise/nn/dataset.h"
#include "maskwise/nn/text_model.h"
#include "train_folder.h"
#include "train_run.h"
#include "train_settings.h"

namespace maskwise::cli {
namespace {

constexpr int64_t kMostUpdates = int64_t{1} << 40;
constexpr int64_t kMostBatch = int64_t{1} << 20;

struct TrainFlags {
  std::string train;
  std::string dev;
  std::string folder;
  TrainSettings settings;
  std::optional<int> threads;
  std::string progress = "auto";
  bool resume = false;
  // Flags that say what a training is, for --resume.
  std::vector<CLI::Option*> telling;
};

// What a step keeps until its gradients are done is freed and taken again in
// the next: given back to the system in between, every page of it would be
// zeroed anew, a tenth of the time of small models.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, INT_MAX);
  mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

void check_fresh(const TrainFlags& flags) {
  if (state_of(flags.folder) != FolderState::fresh) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[train] '{}' is there and not empty; expected "
                            "another folder, or --resume to go on",
                            flags.folder));
  }
  if (flags.settings.updates && flags.settings.seconds) {
    throw Error(ErrorCode::invalid_argument,
                "[train] --updates and --seconds were given; expected one");
  }
}

void check_resumed(const TrainFlags& flags) {
  for (const CLI::Option* option : flags.telling) {
    if (option->count() == 0) continue;
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[train] {} was given with --resume, which goes on "
                            "as the training was begun; leave it out",
                            option->get_name()));
  }
  const FolderState state = state_of(flags.folder);
  if (state == FolderState::fresh) {
    throw Error(ErrorCode::io,
                fmt::format("[train] '{}' holds no training to go on with; "
                            "begin one without --resume",
                            flags.folder));
  }
  if (state == FolderState::other) {
    throw Error(ErrorCode::io,
                fmt::format("[train] '{}' holds no training to go on with, no "
                            "training.json; begin one without --resume, in "
                            "another folder",
                            flags.folder));
  }
}

// The same training, and the same bits, needs the same pairs.
void check_pairs(const std::string& path, std::string_view name,
                 const std::vector<nn::TextPair>& pairs,
                 const std::string& begun, const std::string& folder) {
  if (nn::digest(pairs) == begun) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[train] '{}' holds other pairs than the {} that the "
                          "training in '{}' was begun with; give that one",
                          path, name, folder));
}

void note_pairs(TrainFlags& flags, const std::vector<nn::TextPair>& pairs,
                const std::vector<nn::TextPair>& dev) {
  TrainSettings& settings = flags.settings;
  if (flags.resume) {
    check_pairs(flags.train, "TRAIN.tsv", pairs, settings.train_digest,
                flags.folder);
    check_pairs(flags.dev, "--dev", dev, settings.dev_digest, flags.folder);
  }
  settings.train_digest = nn::digest(pairs);
  settings.dev_digest = nn::digest(dev);
}

// The folder of a training that begins. Another may have begun in it since it
// was looked at.
void begin_folder(const TrainFlags& flags, FolderLock& lock) {
  make_folder(flags.folder);
  lock.take(flags.folder);
  check_fresh(flags);
  remove_half_written(flags.folder);
  save_settings(flags.folder, flags.settings);
}

TrainSettings settings_of(const TrainFlags& flags) {
  if (flags.resume) return load_settings(flags.folder);
  TrainSettings settings = flags.settings;
  if (!settings.updates && !settings.seconds) {
    settings.updates = usual_updates(settings.preset);
  }
  return settings;
}

void train(TrainFlags flags) {
  keep_freed_memory();
  const ProgressStyle progress = progress_style(flags.progress);
  FolderLock lock;
  if (flags.resume) lock.take(flags.folder);
  flags.resume ? check_resumed(flags) : check_fresh(flags);
  flags.settings = settings_of(flags);
  const std::vector<nn::TextPair> pairs = nn::load_pairs(flags.train);
  const std::vector<nn::TextPair> dev = nn::load_pairs(flags.dev);
  note_pairs(flags, pairs, dev);
  const FolderState state =
      flags.resume ? state_of(flags.folder) : FolderState::fresh;
  const std::unique_ptr<nn::TextModel> model =
      state == FolderState::under_way
          ? nn::load_text_model(flags.folder)
          : nn::make_text_model(flags.settings.model_options(), pairs,
                                static_cast<uint64_t>(flags.settings.seed));
  const std::vector<nn::TextExample> examples =
      encoded(*model, pairs, flags.train);
  const std::vector<nn::TextExample> dev_examples =
      encoded(*model, dev, flags.dev);
  flags.resume ? remove_half_written(flags.folder) : begin_folder(flags, lock);
  run_training({.model = *model,
                .examples = examples,
                .dev = dev,
                .dev_examples = dev_examples,
                .settings = flags.settings,
                .folder = flags.folder,
                .compute = {.threads = flags.threads},
                .progress = progress,
                .state = state});
}

// Flags of what a training is, which --resume takes from the folder.
void add_model_flags(CLI::App& command, TrainFlags& flags) {
  TrainSettings& settings = flags.settings;
  const auto named = [&](const std::string& name, std::string& value,
                         const std::string& text) {
    flags.telling.push_back(command.add_option(name, value, text)
                                ->type_name("NAME")
                                ->capture_default_str());
  };
  named("--task", settings.task,
        "seq2seq: target symbols are between spaces, or characters where no "
        "target has a space; classify: targets are labels");
  named("--preset", settings.preset,
        "tiny (2 layers of 64 features, 256 hidden) or small (4 of 128, 512)");
  named("--split", settings.split,
        "Symbols of a source: characters, or what is between blanks; auto: "
        "blanks when most sources hold one");
  flags.telling.push_back(
      command
          .add_option("--dropout", settings.dropout,
                      "From 0 to below 1 (default: tiny 0.1, small 0.3)")
          ->type_name("X")
          ->check(share_number()));
}

// Of the course of the training.
void add_course_flags(CLI::App& command, TrainFlags& flags) {
  TrainSettings& settings = flags.settings;
  const auto counted = [&](const std::string& name, auto& value, int64_t least,
                           int64_t most, const std::string& text) {
    CLI::Option* option = command.add_option(name, value, text)
                              ->type_name("N")
                              ->check(whole_number(least, most));
    flags.telling.push_back(option);
    return option;
  };
  const auto real = [&](const std::string& name, auto& value,
                        const CLI::Validator& fits, const std::string& text) {
    CLI::Option* option =
        command.add_option(name, value, text)->type_name("X")->check(fits);
    flags.telling.push_back(option);
    return option;
  };
  counted("--updates", settings.updates, 1, kMostUpdates,
          "The budget (default: tiny 1000, small 2500)");
  real("--seconds", settings.seconds, positive_number(), "The budget in time");
  counted("--seed", settings.seed, 0, INT64_MAX,
          "Of first values, order and dropout")
      ->capture_default_str();
  counted("--batch", settings.batch, 1, kMostBatch,
          "Examples of an update, of like lengths")
      ->capture_default_str();
  real("--rate", settings.rate, positive_number(),
       "The largest learning rate, after a tenth of the budget")
      ->capture_default_str();
  real("--smoothing", settings.smoothing, share_number(),
       "Of targets, from 0 to below 1")
      ->capture_default_str();
}

}  // namespace

void add_train(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<TrainFlags>();
  CLI::App* command = add_command(
      app, "train",
      "Trains a Transformer on pairs of texts, or a classifier on texts and "
      "labels",
      "maskwise train train.tsv --dev dev.tsv -o model --preset small\n"
      "Pairs are lines: source, tab, target. Symbols of a source are its\n"
      "characters, or what is between spaces where most sources have some.");
  command->add_option("train", flags->train, "Pairs to train on, tab-separated")
      ->type_name("TRAIN.tsv")
      ->required();
  command
      ->add_option("--dev", flags->dev,
                   "Pairs that say which of the models on the way is kept")
      ->type_name("DEV.tsv")
      ->required();
  command
      ->add_option("-o,--output", flags->folder,
                   "Folder of the model: new or empty, unless --resume")
      ->type_name("MODEL_DIR")
      ->required();
  add_model_flags(*command, *flags);
  add_course_flags(*command, *flags);
  add_threads_flag(*command, flags->threads,
                   "Default: all; changes no bit of the model");
  command
      ->add_option("--progress", flags->progress,
                   "line (renews itself), lines (one for each evaluation) or "
                   "json; auto: line on a terminal, else json")
      ->type_name("STYLE")
      ->capture_default_str();
  add_switch(*command, "--resume", flags->resume,
             "Go on with the training in MODEL_DIR");
  command->callback([flags] { train(*flags); });
}

}  // namespace maskwise::cli
