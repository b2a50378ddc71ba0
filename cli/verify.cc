// maskwise verify: poisons and deletes what is masked and counts the bits that
// change.
#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

struct VerifyFlags {
  std::string input;
  std::string mask;
  CallFlags call;
  bool grad = false;
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

// With incoming gradients verifies the gradients.
VerifyReport verify_shown(const AttentionFile& file, const MaskPlan& plan,
                          const AttentionOptions& options,
                          const std::optional<IncomingGradients>& incoming) {
  ProgressLine line;
  line.show(0);
  const Progress progress = [&line](double share) { line.show(share); };
  if (!incoming) {
    return file.call(
        [&](const auto&... arguments) {
          return verify(arguments..., progress);
        },
        plan, options);
  }
  const VerifiedLoss loss = {incoming->d_o, incoming->d_lse, progress};
  return file.call(
      [&](const auto&... arguments) {
        return verify_gradients(arguments..., loss);
      },
      plan, options);
}

// Where a leak shows first.
std::string place_of(const VerifyReport& report) {
  if (report.changed_rows.empty()) {
    const PairIndex& key = report.changed_keys.front();
    return fmt::format("batch {}, kv head {}, key {}", key.batch, key.head,
                       key.k);
  }
  const PairIndex& row = report.changed_rows.front();
  return fmt::format("batch {}, head {}, query {}", row.batch, row.head, row.q);
}

std::string verdict(const VerifyReport& report, std::string_view results) {
  if (report.bits_changed != 0) {
    return fmt::format("changed   {} bits: a LEAK, first in {}\n",
                       human_count(report.bits_changed), place_of(report));
  }
  if (report.poisoned == 0) {
    return "changed   0 bits; nothing is masked, so nothing was put to the "
           "test\n";
  }
  return fmt::format("changed   0 bits of {}: masked means absent\n", results);
}

std::string treatment_of(const VerifyReport& report) {
  return fmt::format(
      "poisoned  {} masked pairs, with six kinds: NaN, signalling NaN, +Inf, "
      "-Inf, 1e30, a denormal\n"
      "deleted   {} masked pairs from memory\n",
      human_count(report.poisoned), human_count(report.deleted));
}

std::string text_of(const VerifyReport& report, const AttentionFile& file) {
  return fmt::format("verified  {} rows of {} (B, H, Lq, Lk)\n",
                     human_count(report.rows), to_string(file.shape)) +
         treatment_of(report) +
         verdict(report, "o, lse, m, l, weights and scores");
}

std::string text_of_gradients(const VerifyReport& report,
                              const AttentionFile& file,
                              const IncomingGradients& incoming) {
  const Tensor& k = file.k();
  const bool has_bias = file.tensors.contains("bias");
  return fmt::format(
             "verified  the gradients of {} rows and {} keys of {} (B, H, Lq, "
             "Lk)\n"
             "loss      {}{}\n",
             human_count(report.rows),
             human_count(k.dim(0) * k.dim(1) * k.dim(2)), to_string(file.shape),
             incoming.d_o.defined()
                 ? "do of the file"
                 : "a fixed pseudo-random do, as the file holds none",
             incoming.d_lse.defined() ? "; d_lse of the file" : "") +
         treatment_of(report) +
         verdict(report, has_bias ? "dq, dk, dv and dbias" : "dq, dk and dv");
}

int verify_file(const VerifyFlags& flags) {
  const AttentionOptions options = flags.call.options();
  const AttentionFile file = load_attention_file(flags.input);
  std::optional<IncomingGradients> incoming;
  if (flags.grad) incoming = file.gradients();
  const VerifyReport report = verify_shown(
      file, file.plan(flags.mask, flags.call.memory_cap), options, incoming);
  if (flags.json) {
    print(Json{{"rows", report.rows},
               {"poisoned", report.poisoned},
               {"deleted", report.deleted},
               {"bits_changed", report.bits_changed}});
  } else {
    print(incoming ? text_of_gradients(report, file, *incoming)
                   : text_of(report, file));
  }
  return report.bits_changed == 0 ? 0 : kCheckFailed;
}

}  // namespace

void add_verify(CLI::App& app, int& exit_code) {
  const auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command = add_command(
      app, "verify", "Proof on your tensors that what is masked changes no bit",
      "maskwise verify in.safetensors --mask 'causal & padding(token_ids)'\n"
      "  maskwise verify in.safetensors --mask causal --grad\n"
      "Exit code 1 when a bit changes.\n"
      "Cost: rows that see the same keys are checked together, by some ten "
      "times the work of one row without a mask. Under causal no two rows do, "
      "so that a long sequence takes long: begin with a part of it. A terminal "
      "is shown the share done.\n"
      "With --grad the same for dq, dk, dv and dbias, from do [B,H,Lq,Dv] and "
      "d_lse [B,H,Lq] of the file, or from a fixed pseudo-random do: keys are "
      "checked without the rows that may not see them, too.");
  add_input(*command, flags->input)->required();
  add_mask_flag(*command, flags->mask);
  add_call_flags(*command, flags->call);
  add_switch(*command, "--grad", flags->grad,
             "Verify the gradients instead of the results");
  add_json_flag(*command, flags->json);
  command->callback([flags, &exit_code] { exit_code = verify_file(*flags); });
}

}  // namespace maskwise::cli
