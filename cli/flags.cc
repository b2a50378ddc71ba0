#include "flags.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <utility>

namespace maskwise::cli {

CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& text, const std::string& example) {
  CLI::App* command = app.add_subcommand(name, text);
  command->footer(fmt::format("Example:\n  {}", example));
  return command;
}

void add_mask_flag(CLI::App& command, std::string& mask) {
  command
      .add_option("--mask", mask,
                  "Who may attend to whom, such as 'causal & "
                  "padding(token_ids)'; docs/masks.md has all words")
      ->type_name("TEXT")
      ->required();
}

void add_call_flags(CLI::App& command, CallFlags& flags) {
  command.add_option("--scale", flags.scale,
                     "Factor of the scores (default: 1/sqrt(D))");
  command.add_option("--softcap", flags.softcap,
                     "Scores become cap * tanh(score / cap); 0 = none");
  command
      .add_option("--backend", flags.backend,
                  "cpu, or reference for the row contract as it is written")
      ->type_name("NAME");
  command
      .add_option("--isa", flags.isa,
                  "scalar, avx2 or avx512; every one gives the same bits")
      ->type_name("NAME");
  command.add_option("--threads", flags.threads,
                     "At most this many threads, >= 1 (default: all)");
}

AttentionOptions CallFlags::options() const {
  AttentionOptions options;
  options.scale = scale;
  options.softcap = softcap;
  options.backend = parse_backend(backend);
  if (isa) parse_isa(*isa);  // checked; the one kernel of today serves all
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
