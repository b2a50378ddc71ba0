#include "train_report.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "maskwise/maskwise.h"
#include "report.h"

namespace maskwise::cli {
namespace {

// "1:05" of 65 seconds.
std::string clock_text(double seconds) {
  const auto whole = static_cast<int64_t>(std::lround(seconds));
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

// What of a line fits the terminal, so that it can renew itself.
std::string fitting(const std::string& text) {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) {
    return text;
  }
  return text.substr(0, size.ws_col - 1U);
}

// Of 20 characters.
std::string bar(double share) {
  constexpr int kWidth = 20;
  const int done = std::clamp(static_cast<int>(share * kWidth), 0, kWidth);
  return std::string(static_cast<size_t>(done), '=') +
         std::string(static_cast<size_t>(kWidth - done), ' ');
}

std::string dev_text(nn::Task task, const DevFigures& dev) {
  if (task == nn::Task::classify) {
    return fmt::format("dev accuracy {:.1f} %", dev.rates.accuracy());
  }
  return fmt::format("dev WER {:.1f} %, PER {:.1f} %",
                     dev.rates.word_error_rate(),
                     dev.rates.symbol_error_rate());
}

void add_dev(Json& json, nn::Task task, const DevFigures& dev) {
  json["dev_loss"] = json_number(dev.loss);
  if (task == nn::Task::classify) {
    json["dev_accuracy"] = dev.rates.accuracy();
    return;
  }
  json["dev_wer"] = dev.rates.word_error_rate();
  json["dev_per"] = dev.rates.symbol_error_rate();
}

Json json_of(const TrainMoment& moment) {
  return {{"update", moment.update.update},
          {"epoch", moment.update.epoch},
          {"loss", json_number(moment.loss)},
          {"rate", moment.update.rate},
          {"norm", json_number(moment.update.norm)},
          {"seconds", moment.seconds},
          {"examples_per_second", moment.examples_per_second}};
}

}  // namespace

ProgressStyle progress_style(const std::string& name) {
  if (name == "line") return ProgressStyle::line;
  if (name == "lines") return ProgressStyle::lines;
  if (name == "json") return ProgressStyle::json;
  if (name == "auto") {
    return isatty(STDOUT_FILENO) == 1 ? ProgressStyle::line
                                      : ProgressStyle::json;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[train] unknown --progress '{}'; expected auto, "
                          "line, lines or json",
                          name));
}

TrainReport::TrainReport(nn::Task task, ProgressStyle style)
    : task_(task), style_(style) {}

void TrainReport::line(const std::string& text) { print(text + "\n"); }

std::string TrainReport::text_of(const TrainMoment& moment) const {
  const double left =
      moment.share > 0 ? moment.seconds * (1 / moment.share - 1) : 0;
  return fmt::format(
      "[{}] update {}, loss {:.3f}, {:.0f} examples/s, {} left{}",
      bar(moment.share), moment.update.update, moment.loss,
      moment.examples_per_second, clock_text(left),
      dev_text_.empty() ? "" : "; " + dev_text_);
}

void TrainReport::progress(const TrainMoment& moment) {
  if (style_ == ProgressStyle::json) line(json_of(moment).dump());
  if (style_ == ProgressStyle::line) {
    print(fmt::format("\r{}\033[K", fitting(text_of(moment))));
  }
}

void TrainReport::evaluated(const TrainMoment& moment, const DevFigures& dev,
                            bool is_best) {
  dev_text_ = dev_text(task_, dev);
  if (style_ == ProgressStyle::line) progress(moment);
  if (style_ == ProgressStyle::lines) line(text_of(moment));
  if (style_ != ProgressStyle::json) return;
  Json json = json_of(moment);
  add_dev(json, task_, dev);
  json["best"] = is_best;
  line(json.dump());
}

void TrainReport::done(const TrainMoment& moment, const DevFigures& best,
                       const std::string& folder) {
  if (style_ != ProgressStyle::json) {
    const bool renews = style_ == ProgressStyle::line;
    print(fmt::format("{}{}: {}{} updates in {}; {}{}\n", renews ? "\r" : "",
                      folder, moment.was_done ? "was done already; " : "",
                      moment.update.update, clock_text(moment.seconds),
                      dev_text(task_, best), renews ? "\033[K" : ""));
    return;
  }
  Json json = {{"done", true},
               {"model", folder},
               {"updates", moment.update.update},
               {"seconds", moment.seconds}};
  add_dev(json, task_, best);
  if (moment.was_done) json["already"] = true;
  line(json.dump());
}

}  // namespace maskwise::cli
