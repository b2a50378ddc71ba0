// maskwise compare: our mask beside the usual mistakes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "flags.h"
#include "inputs.h"
#include "report.h"

namespace maskwise::cli {
namespace {

struct CompareFlags {
  std::string input;
  std::string mask;
  CallFlags call;
  bool demo = false;
  bool json = false;
};

constexpr size_t kColumns = 6;
using TableRow = std::array<std::string, kColumns>;

constexpr const char* kLegend =
    "row sums       of the weights of a row: 1 is right\n"
    "masked weight  of a row, that reached keys it may not see: 0 is right\n"
    "output off by  largest difference of the output from ours\n"
    "influence      how far the output moves when k and v of masked keys move "
    "by 1: 0 is right\n"
    "gradient leak  largest gradient of the sum of the outputs, through a row, "
    "with respect to k\n"
    "               and v of keys that the row may not see: 0 is right\n";

// Enough digits to tell 0.01 from 0.0099, and a plain 0 for nothing. A NaN has
// no sign.
std::string show(double value) {
  return std::isnan(value) ? "nan" : fmt::format("{:.4g}", value);
}

std::string show_range(double least, double most) {
  return show(least) == show(most)
             ? show(least)
             : fmt::format("{} to {}", show(least), show(most));
}

// Whether some row sees a key, which the numbers are of. A plain softmax gives
// such a row weights that sum to 1, or NaN.
bool any_row(const std::vector<VariantReport>& reports) {
  return std::ranges::any_of(reports, [](const VariantReport& report) {
    return report.row_sum_min != 0 || report.row_sum_max != 0;
  });
}

TableRow row_of(const VariantReport& report) {
  return {report.variant,
          show_range(report.row_sum_min, report.row_sum_max),
          show(report.masked_weight_max),
          show(report.output_diff_max),
          show(report.influence_max),
          show(report.masked_gradient_max)};
}

// The first column is set left, the others right.
std::string table_of(const std::vector<VariantReport>& reports) {
  std::vector<TableRow> rows = {{"rows that see a key", "row sums",
                                 "masked weight", "output off by", "influence",
                                 "gradient leak"}};
  const bool any = any_row(reports);
  for (const VariantReport& report : reports) {
    rows.push_back(
        any ? row_of(report)
            : TableRow{report.variant, "no such row", "-", "-", "-", "-"});
  }
  std::array<size_t, kColumns> widths = {};
  for (const TableRow& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const TableRow& row : rows) {
    table += fmt::format("{:<{}}", row[0], widths[0]);
    for (size_t i = 1; i < kColumns; ++i) {
      table += fmt::format("  {:>{}}", row[i], widths[i]);
    }
    table += "\n";
  }
  return table;
}

// A title, and for each variant its name and one of its texts.
std::string list_of(const std::vector<VariantReport>& reports,
                    const std::string& title,
                    const std::string VariantReport::*text) {
  size_t width = title.size();
  for (const VariantReport& report : reports) {
    width = std::max(width, report.variant.size());
  }
  std::string list = "\n" + title + "\n";
  for (const VariantReport& report : reports) {
    list += fmt::format("{:<{}}  {}\n", report.variant, width, report.*text);
  }
  return list;
}

std::string text_of(const std::vector<VariantReport>& reports) {
  std::string text = table_of(reports);
  if (!reports.front().fully_masked_row.empty()) {
    text += list_of(reports, "a row that sees no key",
                    &VariantReport::fully_masked_row);
  }
  return text + list_of(reports, "what they are", &VariantReport::text) + "\n" +
         kLegend;
}

Json json_of(const std::vector<VariantReport>& reports) {
  const bool any = any_row(reports);
  const auto number = [any](double value) {
    return any ? json_number(value) : Json();
  };
  Json list = Json::array();
  for (const VariantReport& report : reports) {
    list.push_back({{"variant", report.variant},
                    {"row_sum_min", number(report.row_sum_min)},
                    {"row_sum_max", number(report.row_sum_max)},
                    {"masked_weight_max", number(report.masked_weight_max)},
                    {"output_diff_max", number(report.output_diff_max)},
                    {"influence_max", number(report.influence_max)},
                    {"masked_gradient_max", number(report.masked_gradient_max)},
                    {"fully_masked_row", report.fully_masked_row},
                    {"text", report.text}});
  }
  return list;
}

void report(const CompareFlags& flags, const std::string& introduction,
            const std::vector<VariantReport>& reports) {
  if (flags.json) {
    print(json_of(reports));
    return;
  }
  print(introduction + text_of(reports));
}

// The demonstration has its own input, mask and options; otherwise the first
// two must be given.
void check_arguments(const CLI::App& command, bool demo) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name =
        option->get_name() == "input" ? "IN" : option->get_name();
    const bool given = option->count() > 0;
    if (demo && given && name != "--demo" && name != "--json") {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("[compare] --demo brings its own input and mask; "
                              "expected no {} with it",
                              name));
    }
    if (!demo && !given && (name == "IN" || name == "--mask")) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("[compare] {} is missing; expected IN and --mask "
                              "TEXT, or --demo",
                              name));
    }
  }
}

void compare_demo(const CompareFlags& flags) {
  const CompareDemo demo = make_compare_demo();
  report(flags, demo.text + "\n",
         compare(demo.q, demo.k, demo.v, compile(demo.mask)));
}

void compare_file(const CompareFlags& flags) {
  const AttentionOptions options = flags.call.options();
  const AttentionFile file = load_attention_file(flags.input);
  const MaskPlan plan = file.plan(flags.mask, flags.call.memory_cap);
  report(flags, "", file.call(compare, plan, options));
  print_warnings(warnings(plan.mask()));
}

}  // namespace

void add_compare(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<CompareFlags>();
  CLI::App* command = add_command(
      app, "compare", "The mask beside the usual ways of getting it wrong",
      "maskwise compare --demo\n  maskwise compare in.safetensors --mask "
      "'causal & padding(token_ids)'");
  add_input(*command, flags->input);
  add_mask_flag(*command, flags->mask)->required(false);
  add_call_flags(*command, flags->call);
  add_switch(*command, "--demo", flags->demo,
             "A row whose masked key would hold 99 % of the weight");
  add_json_flag(*command, flags->json);
  command->callback([flags, command] {
    check_arguments(*command, flags->demo);
    if (flags->demo) {
      compare_demo(*flags);
    } else {
      compare_file(*flags);
    }
  });
}

}  // namespace maskwise::cli
