// Flags that several commands share.
#ifndef MASKWISE_CLI_FLAGS_H_
#define MASKWISE_CLI_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

// Adds the command `name` with an example under its --help.
CLI::App* add_command(CLI::App& app, const std::string& name,
                      const std::string& text, const std::string& example);

// Adds the input file, which may be missing unless the caller requires it; the
// required --mask TEXT; --json.
CLI::Option* add_input(CLI::App& command, std::string& input);
CLI::Option* add_mask_flag(CLI::App& command, std::string& mask);
void add_json_flag(CLI::App& command, bool& json);

// A flag that is said or not, and takes no value.
void add_switch(CLI::App& command, const std::string& name, bool& on,
                const std::string& text);

// --memory-cap BYTES, and compile() under it, whose Error names the flag.
void add_memory_cap_flag(CLI::App& command, int64_t& bytes);
MaskPlan compile_under(int64_t memory_cap, const BoundMask& mask);

// What a flag takes. Anything else is refused with the text found, before any
// file is read.
CLI::Validator whole_number(int64_t least, int64_t most);
CLI::Validator finite_number();
// Above 0.
CLI::Validator positive_number();
// From 0 to below 1.
CLI::Validator share_number();

// --threads N, and how it is used; --beam N, of a search.
void add_threads_flag(CLI::App& command, std::optional<int>& threads,
                      const std::string& text = "Default: all");
void add_beam_flag(CLI::App& command, int64_t& beam,
                   const std::string& text = "Hypotheses of a text; 1: greedy");

// How attention is called.
struct CallFlags {
  std::optional<float> scale;
  float softcap = 0;
  std::string backend = "cpu";
  std::optional<std::string> isa;
  std::optional<int> threads;
  int64_t memory_cap = PlanOptions{}.memory_cap;

  // Throws Error for unknown names.
  AttentionOptions options() const;
};

void add_call_flags(CLI::App& command, CallFlags& flags);

// How a bench measures: --threads N,..., --isa, --samples.
void add_bench_flags(CLI::App& command, std::vector<int>& threads,
                     std::optional<std::string>& isa, int64_t& samples);

// More threads than this are a typing error, not a machine.
inline constexpr int64_t kMostThreads = 1024;

// The largest size of a shape: bind() takes no more.
inline constexpr int64_t kMostSize = INT32_MAX - 1;

// As many whole numbers as `sizes` holds, with commas between; false when the
// text is anything else.
bool read_sizes(std::string_view text, std::span<int64_t> sizes);

// "B,H,Lq,Lk", blanks around the numbers allowed. Throws Error.
AttentionShape parse_shape(std::string_view text);

// "3,5": one whole number or more, blanks around them allowed. Throws Error.
std::vector<int64_t> parse_rows(std::string_view text);

// "raw", "capped" or "biased". Throws Error.
Scores parse_scores(std::string_view name);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_FLAGS_H_
