#include "flags.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

namespace maskwise::cli {

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
  command.add_flag("--json", json, "Report as JSON");
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
  const auto check = [](const std::string& text) -> std::string {
    const char* end = text.data() + text.size();
    float value = 0;
    const auto [after, status] = std::from_chars(text.data(), end, value);
    if (status == std::errc() && after == end && std::isfinite(value)) {
      return "";
    }
    return fmt::format("expected a finite number, got '{}'", text);
  };
  return {check, ""};
}

void add_call_flags(CLI::App& command, CallFlags& flags) {
  // More threads than this are a typing error, not a machine.
  constexpr int64_t kMostThreads = 1024;
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
  command
      .add_option("--threads", flags.threads,
                  "At most this many threads (default: all)")
      ->type_name("N")
      ->check(whole_number(1, kMostThreads));
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

AttentionShape parse_shape(std::string_view text) {
  std::array<int64_t, 4> sizes = {};
  const char* at = text.data();
  const char* end = at + text.size();
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto [after, status] = std::from_chars(at, end, sizes[i]);
    const bool last = i + 1 == sizes.size();
    const bool ends_well = last ? after == end : after != end && *after == ',';
    if (status != std::errc() || !ends_well || sizes[i] < 0) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("[shape] expected four whole numbers >= 0 as "
                              "B,H,Lq,Lk, such as 2,4,12,12, got '{}'",
                              text));
    }
    at = after + 1;
  }
  return {sizes[0], sizes[1], sizes[2], sizes[3]};
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
