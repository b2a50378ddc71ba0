#include "train_settings.h"

#include <fmt/format.h>

#include "maskwise/maskwise.h"
#include "report.h"
#include "train_folder.h"

namespace maskwise::cli {
namespace {

template <typename T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

template <typename T>
std::optional<T> optional_of(const Json& json) {
  return json.is_null() ? std::nullopt : std::optional<T>(json.get<T>());
}

// None: by what the sources hold.
std::optional<nn::Split> split_of(const std::string& name) {
  if (name == "auto") return std::nullopt;
  if (name == "characters") return nn::Split::characters;
  if (name == "blanks") return nn::Split::blanks;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[train] unknown split '{}'; expected auto, "
                          "characters or blanks",
                          name));
}

// What the flags would have refused.
void check(const TrainSettings& settings, const std::string& path) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::io, fmt::format("[train] '{}': {}", path, what));
  };
  if (settings.updates.has_value() == settings.seconds.has_value()) {
    refuse("expected updates or seconds, one of the two");
  }
  if (settings.updates.value_or(1) < 1) {
    refuse(
        fmt::format("updates is {}; expected at least 1", *settings.updates));
  }
  if (!(settings.seconds.value_or(1) > 0)) {
    refuse(fmt::format("seconds is {}; expected a number above 0",
                       *settings.seconds));
  }
  if (settings.batch < 1) {
    refuse(fmt::format("batch is {}; expected at least 1", settings.batch));
  }
}

}  // namespace

nn::Task TrainSettings::parsed_task() const {
  if (task == "seq2seq") return nn::Task::seq2seq;
  if (task == "classify") return nn::Task::classify;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[train] unknown task '{}'; expected seq2seq or "
                          "classify",
                          task));
}

nn::TextModelOptions TrainSettings::model_options() const {
  nn::TextModelOptions options = nn::text_model_preset(parsed_task(), preset);
  if (dropout) options.layer.dropout = *dropout;
  options.source_split = split_of(split);
  return options;
}

nn::TrainerOptions TrainSettings::trainer_options() const {
  return {.examples = batch,
          .schedule = {.kind = nn::ScheduleKind::cosine, .peak = rate},
          .adam = {.kind = nn::AdamKind::adamw, .beta2 = 0.98},
          .smoothing = static_cast<float>(smoothing),
          .seed = static_cast<uint64_t>(seed)};
}

int64_t usual_updates(const std::string& preset) {
  return preset == "tiny" ? 1000 : 2500;
}

void save_settings(const std::string& folder, const TrainSettings& settings) {
  const Json json = {{"task", settings.task},
                     {"preset", settings.preset},
                     {"split", settings.split},
                     {"seed", settings.seed},
                     {"updates", json_of(settings.updates)},
                     {"seconds", json_of(settings.seconds)},
                     {"batch", settings.batch},
                     {"rate", settings.rate},
                     {"dropout", json_of(settings.dropout)},
                     {"smoothing", settings.smoothing},
                     {"train_digest", settings.train_digest},
                     {"dev_digest", settings.dev_digest}};
  save_text(settings_file(folder), json.dump(1) + "\n");
}

TrainSettings load_settings(const std::string& folder) {
  const std::string path = settings_file(folder);
  TrainSettings settings;
  try {
    const Json json = Json::parse(load_text(path));
    settings = {.task = json.at("task").get<std::string>(),
                .preset = json.at("preset").get<std::string>(),
                .split = json.at("split").get<std::string>(),
                .seed = json.at("seed").get<int64_t>(),
                .updates = optional_of<int64_t>(json.at("updates")),
                .seconds = optional_of<double>(json.at("seconds")),
                .batch = json.at("batch").get<int64_t>(),
                .rate = json.at("rate").get<double>(),
                .dropout = optional_of<double>(json.at("dropout")),
                .smoothing = json.at("smoothing").get<double>(),
                .train_digest = json.at("train_digest").get<std::string>(),
                .dev_digest = json.at("dev_digest").get<std::string>()};
  } catch (const Json::exception& error) {
    throw Error(ErrorCode::io,
                fmt::format("[train] '{}' holds no settings of a training: {}",
                            path, error.what()));
  }
  check(settings, path);
  return settings;
}

}  // namespace maskwise::cli
