// maskwise plan: what a mask costs.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <string>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "report.h"
#include "timed_plan.h"

namespace maskwise::cli {
namespace {

struct PlanFlags {
  std::string mask;
  std::string shape;
  std::optional<std::string> input;
  int64_t memory_cap = PlanOptions{}.memory_cap;
  bool json = false;
};

void report_json(const TimedPlan& timed,
                 const std::vector<MaskWarning>& found) {
  const PlanStats& stats = timed.plan.stats();
  print(Json{{"shape", json_shape(timed.plan.shape())},
             {"visible_share", stats.visible_share},
             {"visible_pairs", stats.visible_pairs},
             {"walked_share", stats.walked_share},
             {"walked_pairs", stats.walked_pairs},
             {"rows_without_keys", stats.rows_without_keys},
             {"slices", stats.slices},
             {"row_blocks", stats.row_blocks},
             {"folds", stats.folds},
             {"full_runs", stats.full_runs},
             {"partial_runs", stats.partial_runs},
             {"key_lists", stats.key_lists},
             {"bitmap_words", stats.bitmap_words},
             {"plan_bytes", stats.plan_bytes},
             {"compile_ms", timed.best_ms},
             {"warnings", json_warnings(found)}});
}

void report_text(const TimedPlan& timed) {
  const AttentionShape& shape = timed.plan.shape();
  const PlanStats& stats = timed.plan.stats();
  print(fmt::format(
      "shape       {} (B, H, Lq, Lk)\n"
      "visible     {} of the pairs ({})\n"
      "walked      {} (pairs of a row block and a key that one of its rows "
      "sees)\n"
      "no key      {} rows\n"
      "masks       {} different, over {} (batch, head)\n"
      "row blocks  {}\n"
      "runs        {} full, {} partial ({} of them key lists)\n"
      "bitmaps     {} words\n"
      "memory      {}\n"
      "compiled in {:.3f} ms (best of {})\n",
      to_string(shape), human_share(stats.visible_share),
      human_count(stats.visible_pairs), human_share(stats.walked_share),
      human_count(stats.rows_without_keys), human_count(stats.slices),
      human_count(shape.batch * shape.heads), human_count(stats.row_blocks),
      human_count(stats.full_runs), human_count(stats.partial_runs),
      human_count(stats.key_lists), human_count(stats.bitmap_words),
      human_bytes(stats.plan_bytes), timed.best_ms, timed.tries));
}

void plan(const PlanFlags& flags) {
  const AttentionShape shape = parse_shape(flags.shape);
  const TensorMap tensors =
      flags.input ? load_safetensors(*flags.input) : TensorMap{};
  const BoundMask mask =
      bind_mask(flags.mask, shape, tensors, flags.input.value_or(""));
  const TimedPlan timed = compile_timed(mask, flags.memory_cap);
  const std::vector<MaskWarning> found = warnings(mask);
  if (flags.json) {
    report_json(timed, found);
    return;
  }
  report_text(timed);
  print_warnings(found);
}

}  // namespace

void add_plan(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<PlanFlags>();
  CLI::App* command = add_command(
      app, "plan", "What a mask compiles to: density, runs, bytes, time",
      "maskwise plan --mask 'causal & sliding_window(left=255)' --shape "
      "1,8,16384,16384\n"
      "The time is the best of 5 compilations, or of as many as began within a "
      "second.");
  add_mask_flag(*command, flags->mask);
  command->add_option("--shape", flags->shape, "The shape of the scores")
      ->type_name("B,H,Lq,Lk")
      ->required();
  command
      ->add_option("input", flags->input,
                   "safetensors with the tensors that the mask names")
      ->type_name("IN");
  add_memory_cap_flag(*command, flags->memory_cap);
  add_json_flag(*command, flags->json);
  command->callback([flags] { plan(*flags); });
}

}  // namespace maskwise::cli
