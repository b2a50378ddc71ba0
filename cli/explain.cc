// maskwise explain: what a mask does, as a picture, a reason or a walk.
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "charset.h"
#include "commands.h"
#include "flags.h"
#include "mask_source.h"
#include "outputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

// A page of an SVG shows more than a terminal.
constexpr int64_t kSvgCells = 64;

struct ExplainFlags {
  SourceFlags source;
  std::string mask;
  std::optional<int64_t> batch;
  std::optional<int64_t> head;
  std::optional<int64_t> q;
  std::optional<int64_t> k;
  std::optional<int64_t> d_model;
  std::optional<std::string> svg;
  int64_t memory_cap = PlanOptions{}.memory_cap;
  bool shapes = false;
  bool ascii = false;
  bool json = false;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(ErrorCode::invalid_argument,
              "[explain] " + fmt::format(text, std::forward<Args>(args)...));
}

void check_index(std::string_view flag, std::optional<int64_t> index,
                 int64_t size) {
  if (!index || *index < size) return;
  fail("{} is {}; expected 0 <= {} < {}", flag, *index, flag.substr(2), size);
}

void check_indices(const ExplainFlags& flags, const AttentionShape& shape) {
  check_index("--batch", flags.batch, shape.batch);
  check_index("--head", flags.head, shape.heads);
  check_index("--q", flags.q, shape.q_len);
  check_index("--k", flags.k, shape.kv_len);
  if (flags.k && !flags.q) fail("--k needs --q: a pair is a query and a key");
  if (flags.q && !flags.k && !flags.shapes) {
    fail(
        "--q needs --k: a pair is a query and a key (or --shapes, which shows "
        "the row of q)");
  }
  if (flags.d_model && !flags.shapes && !flags.json) {
    fail("--d-model needs --shapes or --json, which tell of the embedding");
  }
}

// What is told, and with which characters.
struct Report {
  const ExplainFlags& flags;
  const MaskSource& source;
  const BoundMask& mask;
  TokenLabels labels;

  std::optional<Explanation> explanation() const {
    if (!flags.k) return std::nullopt;
    return explain(
        mask,
        {flags.batch.value_or(0), flags.head.value_or(0), *flags.q, *flags.k},
        labels);
  }
  ShapeWalkOptions walk_options() const {
    return {.labels = labels,
            .d_model = flags.d_model,
            .batch = flags.batch ? flags.batch
                     : flags.k   ? std::optional<int64_t>(0)
                                 : std::nullopt,
            .head = flags.head.value_or(0),
            .q = flags.q,
            .q_heads = source.heads().first,
            .k_heads = source.heads().second};
  }
  ShapeWalk walk() const {
    return walk_shapes(mask, source.token_ids(), walk_options());
  }
  GridOptions grid_options(Charset charset) const {
    return {.labels = labels,
            .charset = charset,
            .batch = flags.batch,
            .head = flags.head};
  }
};

std::string text_of(const Report& report, Charset charset) {
  std::string text;
  if (const std::optional<Explanation> explanation = report.explanation()) {
    text = to_string(*explanation, charset) + "\n";
  } else if (!report.flags.shapes) {
    text = fmt::format("{} on {} (B, H, Lq, Lk)\n\n",
                       to_string(report.mask.mask()).text,
                       to_string(report.mask.shape())) +
           draw_text(report.mask, report.grid_options(charset));
  }
  if (report.flags.shapes) {
    text += (text.empty() ? "" : "\n") + to_string(report.walk(), charset);
  }
  if (report.flags.svg) {
    text += fmt::format("\nthe drawing is in {}\n", *report.flags.svg);
  }
  return text;
}

Json json_clause(const Clause& clause) {
  Json children = Json::array();
  for (const Clause& child : clause.children) {
    children.push_back(json_clause(child));
  }
  return {{"text", clause.text},
          {"allowed", clause.allowed},
          {"reason", clause.reason},
          {"children", std::move(children)}};
}

Json json_steps(const std::vector<ShapeStep>& steps) {
  Json list = Json::array();
  for (const ShapeStep& step : steps) {
    list.push_back({{"name", step.name},
                    {"shape", step.shape},
                    {"sizes", step.sizes},
                    {"text", step.text}});
  }
  return list;
}

Json json_numbers(const std::vector<float>& values) {
  Json list = Json::array();
  for (const float value : values) list.push_back(json_number(value));
  return list;
}

Json json_row(const LogitRow& row) {
  return {{"batch", row.row.batch},
          {"head", row.row.head},
          {"q", row.row.q},
          {"query", row.query},
          {"keys", row.keys},
          {"before", json_numbers(row.before)},
          {"masked", json_numbers(row.masked)},
          {"weights", json_numbers(row.weights)}};
}

Json json_of(const Report& report, const PlanStats& stats,
             const std::vector<MaskWarning>& found) {
  Json json = {{"mask", to_string(report.mask.mask()).text},
               {"shape", json_shape(report.mask.shape())},
               {"visible_share", stats.visible_share},
               {"visible_pairs", stats.visible_pairs},
               {"pair", nullptr},
               {"allowed", nullptr},
               {"reason", nullptr},
               {"tree", nullptr}};
  if (const std::optional<Explanation> explanation = report.explanation()) {
    const PairIndex& pair = explanation->pair;
    json["pair"] = {{"batch", pair.batch},
                    {"head", pair.head},
                    {"q", pair.q},
                    {"k", pair.k}};
    json["allowed"] = explanation->allowed;
    json["reason"] = explanation->reason;
    json["tree"] = json_clause(explanation->tree);
  }
  if (report.flags.shapes) {
    const ShapeWalk walk = report.walk();
    json["shapes"] = json_steps(walk.steps);
    json["made_up"] = walk.made_up;
    json["row"] = json_row(walk.row);
    if (walk.padded_row) json["padded_row"] = json_row(*walk.padded_row);
  } else {
    json["shapes"] =
        json_steps(shape_steps(report.mask, report.walk_options()));
  }
  json["warnings"] = json_warnings(found);
  if (report.flags.svg) json["svg"] = *report.flags.svg;
  return json;
}

// Prints the text, and draws to a file where one is wanted.
void deliver(const Report& report, const std::string& text) {
  if (!report.flags.svg) {
    print(text);
    return;
  }
  GridOptions options = report.grid_options({});
  options.most_cells = kSvgCells;
  const std::string drawing = draw_svg(report.mask, options);
  const std::string& path = *report.flags.svg;
  save_and_print(
      path, [&] { save_text(path, drawing); }, text);
}

void explain_mask(const ExplainFlags& flags) {
  if (flags.svg) {
    for (const auto& input : {flags.source.input, flags.source.text}) {
      if (input) require_other_file(*flags.svg, *input);
    }
  }
  MaskSource source = find_source(flags.source);
  check_indices(flags, source.shape);
  const BoundMask mask = source.bind(flags.mask);
  // Its memory cap refuses absurd masks before anything walks their rows.
  const MaskPlan plan = compile_under(flags.memory_cap, mask);
  const int64_t pad = pad_id_of(mask.mask()).value_or(0);
  label_ids(source, pad);
  const Report report = {flags, source, mask, source.labels()};
  const std::vector<MaskWarning> found =
      warnings(mask, source.token_ids(), pad);

  deliver(report, flags.json ? dumped(json_of(report, plan.stats(), found))
                             : text_of(report, charset_of(flags.ascii)));
  if (!flags.json) print_warnings(found);
}

void add_index(CLI::App& command, const std::string& name,
               std::optional<int64_t>& index, const std::string& text) {
  command.add_option(name, index, text)
      ->check(whole_number(0, std::numeric_limits<int64_t>::max()))
      ->type_name("N");
}

void add_view_flags(CLI::App& command, ExplainFlags& flags) {
  add_index(command, "--batch", flags.batch, "This batch item only");
  add_index(command, "--head", flags.head, "This head only");
  add_index(command, "--q", flags.q, "With --k: why this query ...");
  add_index(command, "--k", flags.k, "... may or may not see this key");
  add_switch(command, "--shapes", flags.shapes,
             "The way from token ids to weights, where the mask meets the "
             "logits, and one row (--batch, --head, --q) in numbers");
  command
      .add_option(
          "--d-model", flags.d_model,
          "Size of the embedding in --shapes and --json (default: 16 * H)")
      ->check(whole_number(1, std::numeric_limits<int32_t>::max()))
      ->type_name("N");
  add_switch(command, "--ascii", flags.ascii, "Draw with ASCII characters");
  command.add_option("--svg", flags.svg, "Draw the mask to this file, too")
      ->type_name("FILE");
}

}  // namespace

void add_explain(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<ExplainFlags>();
  CLI::App* command = add_command(
      app, "explain", "What a mask does: draw it, or tell why for one pair",
      "maskwise explain --mask 'causal & sliding_window(left=2)' --shape "
      "1,1,8,8\n"
      "  maskwise explain --mask 'causal & padding(token_ids)' --text "
      "sentences.txt --q 3 --k 5");
  add_source_flags(*command, flags->source);
  add_mask_flag(*command, flags->mask);
  add_view_flags(*command, *flags);
  add_memory_cap_flag(*command, flags->memory_cap);
  add_json_flag(*command, flags->json);
  command->callback([flags] { explain_mask(*flags); });
}

}  // namespace maskwise::cli
