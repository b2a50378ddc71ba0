// maskwise bench-layers: how fast layers are on this machine, as a share of
// what a probe reaches beside them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench_figures.h"
#include "bench_measure.h"
#include "bench_serve.h"
#include "commands.h"
#include "flags.h"
#include "layer_case.h"
#include "report.h"

namespace maskwise::cli {
namespace {

// Of rows and features: no tensor of a layer takes more than 1 GiB.
constexpr int64_t kMostOfSize = 1 << 14;

struct LayerFlags {
  std::vector<std::string> cases = {"all"};
  std::string pass = "forward";
  LinearSizes sizes;
  std::vector<int> threads = {1};
  std::optional<std::string> isa;
  int64_t samples = 15;
  bool serve = false;
  bool json = false;
};

// Every case that was asked for, made before any is run.
std::vector<LayerCase> cases_of(const LayerFlags& flags,
                                const BenchPlace& place) {
  const bool all = std::ranges::count(flags.cases, "all") > 0;
  std::vector<LayerCase> cases;
  for (const std::string& name : all ? layer_case_names() : flags.cases) {
    for (LayerCase& one : make_layer_cases(name, flags.sizes, place)) {
      cases.push_back(std::move(one));
    }
  }
  return cases;
}

Json line_of(const LayerCase& one, const BenchPlace& place, int64_t samples,
             const SampleFigures& found) {
  return {{"case", one.name},
          {"pass", name_of(place.pass)},
          {"rows", one.rows},
          {"features", one.features},
          {"threads", place.threads},
          {"isa", name_of(place.isa)},
          {"median_ms", found.median_ms},
          {"min_ms", found.min_ms},
          {"useful_gflops", found.useful_gflops},
          {"probe_gflops", found.probe_gflops},
          {"second_probe_gflops", found.second_probe_gflops},
          {"fraction", found.fraction},
          {"best_fraction", found.best_fraction},
          {"quiet_fraction", json_of(found.quiet_fraction)},
          {"quiet_samples", found.quiet_samples},
          {"cpu_share", found.cpu_share},
          {"samples", samples}};
}

std::string table_head(const BenchPlace& place) {
  return fmt::format("f32 {}, {} thread{}, {}\n{:<21}{:>7}{:>9}{}\n",
                     name_of(place.pass), place.threads,
                     place.threads == 1 ? "" : "s", name_of(place.isa), "case",
                     "rows", "features", figures_head());
}

void bench_at(const BenchPlace& place, const LayerFlags& flags) {
  const std::vector<LayerCase> cases = cases_of(flags, place);
  const BenchMeter meter({.isa = place.isa, .threads = place.threads}, {});
  if (!flags.json) print(table_head(place));
  for (const LayerCase& one : cases) {
    const SampleFigures found =
        figures_of(meter.samples({one.subject}, flags.samples).front(),
                   one.useful_flop, place.threads);
    print(flags.json ? line_of(one, place, flags.samples, found).dump() + "\n"
                     : fmt::format("{:<21}{:>7}{:>9}{}\n", one.name, one.rows,
                                   one.features, figures_row(found)));
  }
  if (!flags.json) print(std::string("\n"));
}

void serve(const BenchPlace& place, const LayerFlags& flags) {
  const std::vector<LayerCase> cases = cases_of(flags, place);
  if (cases.size() != 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[bench-layers] --serve was given {} cases; "
                            "expected one",
                            cases.size()));
  }
  answer_calls(cases.front().subject, {}, place);
}

void bench_layers(const LayerFlags& flags) {
  BenchPlace place = {
      .pass = parse_pass(flags.pass),
      .isa = devices().choose(flags.isa ? std::optional(parse_isa(*flags.isa))
                                        : std::nullopt),
      .threads = flags.threads.front()};
  if (flags.serve) {
    serve(place, flags);
    return;
  }
  for (const int threads : flags.threads) {
    place.threads = threads;
    bench_at(place, flags);
  }
  if (!flags.json) {
    print(figures_legend() +
          "useful   of the tokens that are there, whatever else is computed\n");
  }
}

void add_size_flag(CLI::App& command, const std::string& name,
                   std::vector<int64_t>& sizes) {
  command.add_option(name, sizes, "Of linear layers, each with each")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostOfSize))
      ->default_str(fmt::format("{}", fmt::join(sizes, ",")));
}

}  // namespace

void add_bench_layers(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<LayerFlags>();
  CLI::App* command = add_command(
      app, "bench-layers",
      "How fast layers are here, beside probes of the processor",
      "maskwise bench-layers --case linear --rows 256 --features 128,512\n"
      "docs/benchmarks.md says how it measures.");
  command
      ->add_option(
          "--case", flags->cases,
          fmt::format("all, or of: {}", fmt::join(layer_case_names(), ", ")))
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--pass", flags->pass,
                   "forward or backward (of encoder layers: both, in turn)")
      ->type_name("NAME")
      ->capture_default_str();
  add_size_flag(*command, "--rows", flags->sizes.rows);
  add_size_flag(*command, "--features", flags->sizes.features);
  add_bench_flags(*command, flags->threads, flags->isa, flags->samples);
  add_switch(*command, "--serve", flags->serve,
             "Time calls when standard input asks, a line each: call N");
  add_json_flag(*command, flags->json);
  command->callback([flags] { bench_layers(*flags); });
}

}  // namespace maskwise::cli
