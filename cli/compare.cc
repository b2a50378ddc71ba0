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

constexpr size_t kColumns = 7;
using TableRow = std::array<std::string, kColumns>;

constexpr const char* kLegend =
    "row sum        sum of a row's weights: 1 is right (min to max)\n"
    "masked weight  weight of a row that reached keys it may not see: 0 is "
    "right\n"
    "output off by  largest difference of the output from ours\n"
    "influence      how far the output moves when k and v of masked keys "
    "move by 1: 0 is right\n"
    "no key         what a row gets that may see no key at all: 0 is right\n"
    "These numbers are of rows that see a key.\n";

// Enough digits to tell 0.01 from 0.0099, and a plain 0 for nothing.
std::string show(double value) { return fmt::format("{:.4g}", value); }

TableRow row_of(const VariantReport& report) {
  return {report.variant,
          show(report.row_sum_min),
          show(report.row_sum_max),
          show(report.masked_weight_max),
          show(report.output_diff_max),
          show(report.influence_max),
          report.fully_masked_row};
}

std::string table_of(const std::vector<VariantReport>& reports) {
  std::vector<TableRow> rows = {{"variant", "row sum", "to", "masked weight",
                                 "output off by", "influence", "no key"}};
  std::ranges::transform(reports, std::back_inserter(rows), row_of);
  std::array<size_t, kColumns> widths = {};
  for (const TableRow& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string table;
  for (const TableRow& row : rows) {
    std::string line = fmt::format("{:<{}}", row[0], widths[0]);
    for (size_t i = 1; i + 1 < kColumns; ++i) {
      line += fmt::format("  {:>{}}", row[i], widths[i]);
    }
    line += "  " + row.back();
    table += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return table;
}

std::string legend_of(const std::vector<VariantReport>& reports) {
  size_t width = 0;
  for (const VariantReport& report : reports) {
    width = std::max(width, report.variant.size());
  }
  std::string legend;
  for (const VariantReport& report : reports) {
    legend += fmt::format("{:<{}}  {}\n", report.variant, width, report.text);
  }
  return legend + "\n" + kLegend;
}

Json json_of(const std::vector<VariantReport>& reports) {
  Json list = Json::array();
  for (const VariantReport& report : reports) {
    list.push_back(
        {{"variant", report.variant},
         {"row_sum_min", json_number(report.row_sum_min)},
         {"row_sum_max", json_number(report.row_sum_max)},
         {"masked_weight_max", json_number(report.masked_weight_max)},
         {"output_diff_max", json_number(report.output_diff_max)},
         {"influence_max", json_number(report.influence_max)},
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
  print(introduction + table_of(reports) + "\n" + legend_of(reports));
}

void compare_demo(const CompareFlags& flags) {
  if (!flags.input.empty() || !flags.mask.empty()) {
    throw Error(ErrorCode::invalid_argument,
                "[compare] --demo brings its own input and mask; expected "
                "neither IN nor --mask with it");
  }
  const CompareDemo demo = make_compare_demo();
  report(flags, demo.text + "\n",
         compare(demo.q, demo.k, demo.v, compile(demo.mask)));
}

void compare_file(const CompareFlags& flags) {
  if (flags.input.empty() || flags.mask.empty()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[compare] {} is missing; expected IN and --mask "
                            "TEXT, or --demo",
                            flags.input.empty() ? "IN" : "--mask"));
  }
  const AttentionOptions options = flags.call.options();
  const AttentionFile file = load_attention_file(flags.input);
  const MaskPlan plan = file.plan(flags.mask);
  report(
      flags, "",
      compare(file.q(), file.k(), file.v(), plan, file.with_tensors(options)));
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
  command->add_flag("--demo", flags->demo,
                    "A row whose masked key would hold 99 % of the weight");
  add_json_flag(*command, flags->json);
  command->callback([flags] {
    if (flags->demo) {
      compare_demo(*flags);
    } else {
      compare_file(*flags);
    }
  });
}

}  // namespace maskwise::cli
