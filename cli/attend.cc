// maskwise attend: masked attention from file to file.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "outputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

struct AttendFlags {
  std::string input;
  std::string mask;
  std::string output;
  CallFlags call;
  bool weights = false;
  std::optional<std::string> scores;
  std::optional<std::string> rows;
};

// Throws Error for unknown names, and for rows of nothing.
AttentionOptions options_of(const AttendFlags& flags) {
  AttentionOptions options = flags.call.options();
  options.weights = flags.weights ? Weights::all : Weights::none;
  if (flags.scores) options.scores = parse_scores(*flags.scores);
  if (!flags.rows) return options;
  if (!flags.weights && !flags.scores) {
    throw Error(ErrorCode::invalid_argument,
                "[rows] --rows says whose weights or scores are written; "
                "expected --weights or --scores beside it");
  }
  options.pair_rows = parse_rows(*flags.rows);
  return options;
}

void attend(const AttendFlags& flags) {
  require_other_file(flags.output, flags.input);
  const AttentionOptions options = options_of(flags);
  const AttentionFile file = load_attention_file(flags.input);
  const MaskPlan plan = file.plan(flags.mask, flags.call.memory_cap);
  const AttentionResult result = file.call(
      [](const auto&... arguments) { return attention(arguments...); }, plan,
      options);

  TensorMap outputs = {{"o", result.o}, {"lse", result.lse}};
  if (flags.weights) outputs["weights"] = result.weights;
  if (flags.scores) outputs["scores"] = result.scores;
  save_and_print(
      flags.output, [&] { save_safetensors(flags.output, outputs); },
      fmt::format("{}: o {} {}, lse {}; {} of the pairs are visible\n",
                  flags.output, to_string(result.o.shape()),
                  name_of(result.o.dtype()), to_string(result.lse.shape()),
                  human_share(plan.stats().visible_share)));
  print_warnings(warnings(plan.mask()));
}

}  // namespace

void add_attend(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<AttendFlags>();
  CLI::App* command = add_command(
      app, "attend", "Masked attention from a safetensors file to another",
      "maskwise attend in.safetensors --mask 'causal & padding(token_ids)' -o "
      "out.safetensors");
  add_input(*command, flags->input)->required();
  add_mask_flag(*command, flags->mask);
  command->add_option("-o,--output", flags->output, "Where o and lse go")
      ->type_name("OUT")
      ->required();
  add_call_flags(*command, flags->call);
  add_switch(*command, "--weights", flags->weights,
             "Write the softmax weights [B,H,Lq,Lk], too");
  command
      ->add_option("--scores", flags->scores,
                   "Write the scores, too: raw, capped or biased")
      ->type_name("STAGE");
  command
      ->add_option("--rows", flags->rows,
                   "Weights and scores of these queries only, such as 3,5: "
                   "[B,H,2,Lk]")
      ->type_name("LIST");
  command->callback([flags] { attend(*flags); });
}

}  // namespace maskwise::cli
