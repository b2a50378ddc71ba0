// maskwise verify: poisons and deletes what is masked and counts the bits that
// change.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

// The check failed; see main.cc.
constexpr int kCheckFailed = 1;

struct VerifyFlags {
  std::string input;
  std::string mask;
  CallFlags call;
  bool json = false;
};

// The share done, on a terminal: one line, erased at the end.
class ProgressLine {
 public:
  ~ProgressLine() {
    if (percent_ >= 0) std::cerr << "\r                   \r" << std::flush;
  }
  ProgressLine() = default;
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(double share) {
    const int percent = static_cast<int>(100 * share);
    if (!on_terminal_ || percent == percent_) return;
    percent_ = percent;
    std::cerr << fmt::format("\rverified {:3} %", percent) << std::flush;
  }

 private:
  const bool on_terminal_ = isatty(STDERR_FILENO) != 0;
  int percent_ = -1;  // shown; -1: nothing
};

VerifyReport verify_shown(const AttentionFile& file, const MaskPlan& plan,
                          const AttentionOptions& options) {
  ProgressLine line;
  line.show(0);
  const auto verify_and_show = [&line](const auto&... arguments) {
    return verify(arguments..., [&line](double share) { line.show(share); });
  };
  return file.call(verify_and_show, plan, options);
}

std::string verdict(const VerifyReport& report) {
  if (report.bits_changed != 0) {
    const PairIndex& first = report.changed_rows.front();
    return fmt::format(
        "changed   {} bits: a LEAK, first in batch {}, head {}, query {}\n",
        human_count(report.bits_changed), first.batch, first.head, first.q);
  }
  if (report.poisoned == 0) {
    return "changed   0 bits; nothing is masked, so nothing was put to the "
           "test\n";
  }
  return "changed   0 bits of o, lse, m, l, weights and scores: masked means "
         "absent\n";
}

std::string text_of(const VerifyReport& report, const AttentionShape& shape) {
  return fmt::format(
      "verified  {} rows of {} (B, H, Lq, Lk)\n"
      "poisoned  {} masked pairs, with six kinds: NaN, signalling NaN, +Inf, "
      "-Inf, 1e30, a denormal\n"
      "deleted   {} masked pairs from memory\n",
      human_count(report.rows), to_string(shape), human_count(report.poisoned),
      human_count(report.deleted));
}

int verify_file(const VerifyFlags& flags) {
  const AttentionOptions options = flags.call.options();
  const AttentionFile file = load_attention_file(flags.input);
  const VerifyReport report =
      verify_shown(file, file.plan(flags.mask, flags.call.memory_cap), options);
  if (flags.json) {
    print(Json{{"rows", report.rows},
               {"poisoned", report.poisoned},
               {"deleted", report.deleted},
               {"bits_changed", report.bits_changed}});
  } else {
    print(text_of(report, file.shape) + verdict(report));
  }
  return report.bits_changed == 0 ? 0 : kCheckFailed;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command = add_command(
      app, "verify", "Proof on your tensors that what is masked changes no bit",
      "maskwise verify in.safetensors --mask 'causal & padding(token_ids)'\n"
      "Exit code 1 when a bit changes.\n"
      "Cost: rows that see the same keys are checked together, by some ten "
      "times the work of one row without a mask. Under causal no two rows do, "
      "so that a long sequence takes long: begin with a part of it. A terminal "
      "is shown the share done.");
  add_input(*command, flags->input)->required();
  add_mask_flag(*command, flags->mask);
  add_call_flags(*command, flags->call);
  add_json_flag(*command, flags->json);
  command->callback([flags, &exit_code] { exit_code = verify_file(*flags); });
}

}  // namespace maskwise::cli
