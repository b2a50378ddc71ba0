// Flags that several commands share.
#ifndef MASKWISE_CLI_FLAGS_H_
#define MASKWISE_CLI_FLAGS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// Adds the command `name` with an example under its --help.
CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& text, const std::string& example);

// Adds the required --mask TEXT.
void add_mask_flag(CLI::App& command, std::string& mask);

// How attention is called.
struct CallFlags {
  std::optional<float> scale;
  float softcap = 0;
  std::string backend = "cpu";
  std::optional<std::string> isa;
  std::optional<int> threads;

  // Throws Error for unknown names.
  AttentionOptions options() const;
};

void add_call_flags(CLI::App& command, CallFlags& flags);

// "B,H,Lq,Lk". Throws Error.
AttentionShape parse_shape(std::string_view text);

// "raw", "capped" or "biased". Throws Error.
Scores parse_scores(std::string_view name);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_FLAGS_H_
