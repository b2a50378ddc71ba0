#include "flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace maskwise::cli {
namespace {

constexpr int64_t kMostSamples = 100000;
constexpr int64_t kMostBeam = 1000;

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

// A finite number that fits.
CLI::Validator number_that(const std::string& expected, bool (*fits)(float)) {
  const auto check = [expected, fits](const std::string& text) -> std::string {
    const char* end = text.data() + text.size();
    float value = 0;
    const auto [after, status] = std::from_chars(text.data(), end, value);
    if (status == std::errc() && after == end && std::isfinite(value) &&
        fits(value)) {
      return "";
    }
    return fmt::format("expected {}, got '{}'", expected, text);
  };
  return {check, ""};
}

}  // namespace

CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& text, const std::string& example) {
  CLI::App* command = app.add_subcommand(name, text);
  command->footer(fmt::format("Example:\n  {}", example));
  return command;
}

CLI::Option* add_input(CLI::App& command, std::string& input) {
  return command
      .add_option("input", input,
                  "safetensors with q [B,H,Lq,D], k [B,Hkv,Lk,D] and v "
                  "[B,Hkv,Lk,Dv] (f32, f16 or bf16), optional bias, "
                  "alibi_slopes [H], q_positions, kv_positions, and the "
                  "tensors that the mask names")
      ->type_name("IN");
}

CLI::Option* add_mask_flag(CLI::App& command, std::string& mask) {
  return command
      .add_option("--mask", mask,
                  "Who may attend to whom, such as 'causal & "
                  "padding(token_ids)'; docs/masks.md has all words")
      ->type_name("TEXT")
      ->required();
}

void add_json_flag(CLI::App& command, bool& json) {
  add_switch(command, "--json", json, "Report as JSON");
}

void add_switch(CLI::App& command, const std::string& name, bool& on,
                const std::string& text) {
  command.add_flag(name, on, text)->disable_flag_override();
}

void add_memory_cap_flag(CLI::App& command, int64_t& bytes) {
  command
      .add_option("--memory-cap", bytes,
                  "Refuse a mask whose plan may take more than this")
      ->type_name("BYTES")
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->capture_default_str();
}

MaskPlan compile_under(int64_t memory_cap, const BoundMask& mask) {
  constexpr std::string_view kLibraryName = "PlanOptions::memory_cap";
  try {
    return compile(mask, {memory_cap});
  } catch (const Error& error) {
    std::string message = error.what();
    const size_t found = message.find(kLibraryName);
    if (found == std::string::npos) throw;
    message.replace(found, kLibraryName.size(),
                    "--memory-cap; choose a smaller shape or raise it");
    throw Error(error.code(), message);
  }
}

CLI::Validator whole_number(int64_t least, int64_t most) {
  const auto check = [least, most](const std::string& text) -> std::string {
    const char* end = text.data() + text.size();
    int64_t value = 0;
    const auto [after, status] = std::from_chars(text.data(), end, value);
    if (status == std::errc() && after == end && value >= least &&
        value <= most) {
      return "";
    }
    return fmt::format("expected a whole number from {} to {}, got '{}'", least,
                       most, text);
  };
  return {check, ""};
}

CLI::Validator finite_number() {
  return number_that("a finite number", [](float) { return true; });
}

CLI::Validator positive_number() {
  return number_that("a number above 0", [](float x) { return x > 0; });
}

CLI::Validator share_number() {
  return number_that("a number from 0 to below 1",
                     [](float x) { return x >= 0 && x < 1; });
}

void add_threads_flag(CLI::App& command, std::optional<int>& threads,
                      const std::string& text) {
  command.add_option("--threads", threads, text)
      ->type_name("N")
      ->check(whole_number(1, kMostThreads));
}

void add_beam_flag(CLI::App& command, int64_t& beam, const std::string& text) {
  command.add_option("--beam", beam, text)
      ->type_name("N")
      ->check(whole_number(1, kMostBeam))
      ->capture_default_str();
}

void add_call_flags(CLI::App& command, CallFlags& flags) {
  command
      .add_option("--scale", flags.scale,
                  "Factor of the scores (default: 1/sqrt(D))")
      ->type_name("NUMBER")
      ->check(finite_number());
  command
      .add_option("--softcap", flags.softcap,
                  "Scores become cap * tanh(score / cap); 0 = none")
      ->type_name("NUMBER")
      ->check(finite_number());
  command
      .add_option("--backend", flags.backend,
                  "cpu, or reference for the row contract as it is written")
      ->type_name("NAME");
  command
      .add_option("--isa", flags.isa,
                  "scalar, avx2 or avx512 (default: the best that the "
                  "processor has, or MASKWISE_ISA); every one gives the same "
                  "bits")
      ->type_name("NAME");
  add_threads_flag(command, flags.threads,
                   "At most this many threads (default: all)");
  add_memory_cap_flag(command, flags.memory_cap);
}

AttentionOptions CallFlags::options() const {
  AttentionOptions options;
  options.scale = scale;
  options.softcap = softcap;
  options.backend = parse_backend(backend);
  if (isa) options.isa = parse_isa(*isa);
  options.threads = threads;
  return options;
}

void add_bench_flags(CLI::App& command, std::vector<int>& threads,
                     std::optional<std::string>& isa, int64_t& samples) {
  command.add_option("--threads", threads, "Counts of threads, in turn")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostThreads))
      ->default_str("1");
  command
      .add_option("--isa", isa, "scalar, avx2 or avx512 (default: the best)")
      ->type_name("NAME");
  command
      .add_option("--samples", samples,
                  "Samples of each, of about 10 ms or one call")
      ->type_name("N")
      ->check(whole_number(1, kMostSamples))
      ->capture_default_str();
}

bool read_sizes(std::string_view text, std::span<int64_t> sizes) {
  for (size_t i = 0; i < sizes.size(); ++i) {
    const bool last = i + 1 == sizes.size();
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view number =
        trimmed(text.substr(0, last ? text.npos : comma));
    const char* end = number.data() + number.size();
    const auto [after, status] = std::from_chars(number.data(), end, sizes[i]);
    if (status != std::errc() || after != end) return false;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return true;
}

AttentionShape parse_shape(std::string_view text) {
  std::array<int64_t, 4> sizes = {};
  if (!read_sizes(text, sizes) || *std::ranges::min_element(sizes) < 0) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[shape] expected four whole numbers from 0 to "
                            "{} as B,H,Lq,Lk, such as 2,4,12,12, got '{}'",
                            kMostSize, text));
  }
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
}

std::vector<int64_t> parse_rows(std::string_view text) {
  std::vector<int64_t> rows(static_cast<size_t>(std::ranges::count(text, ',')) +
                            1);
  if (!read_sizes(text, rows)) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[rows] expected whole numbers with commas "
                            "between, such as 3,5, got '{}'",
                            text));
  }
  return rows;
}

Scores parse_scores(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Scores>, 3> kStages = {
      {{"raw", Scores::raw},
       {"capped", Scores::capped},
       {"biased", Scores::biased}}};
  for (const auto& [known, stage] : kStages) {
    if (known == name) return stage;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[scores] unknown stage '{}'; expected one of: raw, "
                          "capped, biased",
                          name));
}

}  // namespace maskwise::cli
