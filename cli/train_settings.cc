#include "train_settings.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "maskwise/maskwise.h"
#include "report.h"
#include "train_folder.h"

namespace maskwise::cli {
namespace {

template <typename T>
Json json_of(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json json_of(const TrainSettings& settings) {
  return {{"task", settings.task},
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
}

// training.json, read with every surprise refused.
class SettingsFile {
 public:
  explicit SettingsFile(const std::string& path) : path_(path) {
    try {
      json_ = Json::parse(load_text(path));
    } catch (const Json::exception& error) {
      // "[json.exception.parse_error.101] parse error at line 1, column 2: why;
      // last read: 'as it is in the file'"
      std::string_view what = error.what();
      what.remove_prefix(what.find("] ") + 2);
      refuse(what.substr(0, what.find("; last read")));
    }
    if (!json_.is_object()) refuse("expected an object");
  }

  std::string text(const char* key) const {
    return member(key, "a text", &Json::is_string).get<std::string>();
  }
  double number(const char* key) const {
    return member(key, "a number", &Json::is_number).get<double>();
  }
  int64_t whole_number(const char* key) const {
    const Json& found = member(key, kWhole, &Json::is_number_integer);
    // What does not fit would wrap around.
    if (found.is_number_unsigned() &&
        !std::in_range<int64_t>(found.get<uint64_t>())) {
      refuse(fmt::format("'{}' is {}; expected at most {}", key, found.dump(),
                         INT64_MAX));
    }
    return found.get<int64_t>();
  }
  // null for none.
  std::optional<double> number_or_null(const char* key) const {
    return is_null(key) ? std::nullopt : std::optional(number(key));
  }
  std::optional<int64_t> whole_number_or_null(const char* key) const {
    return is_null(key) ? std::nullopt : std::optional(whole_number(key));
  }

 private:
  static constexpr std::string_view kWhole = "a whole number";

  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorCode::io,
                fmt::format("[train] '{}' holds no settings of a training: {}",
                            path_, what));
  }

  const Json& member(const char* key, std::string_view expected,
                     bool (Json::*is)() const noexcept) const {
    const auto found = json_.find(key);
    if (found == json_.end()) {
      refuse(fmt::format("'{}' is missing; expected {}", key, expected));
    }
    if (!((*found).*is)()) {
      constexpr size_t kMostShown = 40;
      const std::string shown = found->dump(-1, ' ', true);  // in ASCII
      refuse(fmt::format("'{}' is {}{}; expected {}", key,
                         shown.substr(0, kMostShown),
                         shown.size() > kMostShown ? "..." : "", expected));
    }
    return *found;
  }

  bool is_null(const char* key) const {
    const auto found = json_.find(key);
    return found != json_.end() && found->is_null();
  }

  std::string path_;
  Json json_;
};

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
  save_text(settings_file(folder), json_of(settings).dump(1) + "\n");
}

int64_t number_of(const TrainSettings& settings) {
  constexpr int kHexadecimal = 16;
  Json json = json_of(settings);
  json.erase("updates");
  json.erase("seconds");
  return static_cast<int64_t>(
      std::stoull(nn::digest({{json.dump(), ""}}), nullptr, kHexadecimal));
}

TrainSettings load_settings(const std::string& folder) {
  const std::string path = settings_file(folder);
  const SettingsFile file(path);
  TrainSettings settings = {.task = file.text("task"),
                            .preset = file.text("preset"),
                            .split = file.text("split"),
                            .seed = file.whole_number("seed"),
                            .updates = file.whole_number_or_null("updates"),
                            .seconds = file.number_or_null("seconds"),
                            .batch = file.whole_number("batch"),
                            .rate = file.number("rate"),
                            .dropout = file.number_or_null("dropout"),
                            .smoothing = file.number("smoothing"),
                            .train_digest = file.text("train_digest"),
                            .dev_digest = file.text("dev_digest")};
  check(settings, path);
  return settings;
}

}  // namespace maskwise::cli
