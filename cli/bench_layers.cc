// maskwise bench-layers: how fast layers are on this machine, as a share of
// what a probe reaches beside them.
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench_measure.h"
#include "bench_serve.h"
#include "commands.h"
#include "flags.h"
#include "layer_case.h"
#include "report.h"

namespace maskwise::cli {
namespace {

constexpr int64_t kMostFeatures = 1 << 16;

struct LayerFlags {
  std::string name = "all";
  std::string pass = "forward";
  LinearSizes sizes;
  std::vector<int> threads = {1};
  std::optional<std::string> isa;
  int64_t samples = 15;
  bool serve = false;
  bool json = false;
};

std::vector<LayerCase> cases_of(const LayerFlags& flags,
                                const BenchPlace& place) {
  const bool all = flags.name == "all";
  std::vector<LayerCase> cases;
  if (all || flags.name == "linear") cases = linear_cases(flags.sizes, place);
  if (all || flags.name == "encoder_layer") {
    cases.push_back(encoder_layer_case(place));
  }
  if (all || flags.name == "encoder_layer_padded") {
    cases.push_back(padded_encoder_layer_case(place));
  }
  return cases;
}

// What was found of a case.
struct LayerFigures {
  double median_ms = 0;
  double min_ms = 0;
  double probe_gflops = 0;
  double fraction = 0;        // of the first probe, the median over all samples
  double quiet_fraction = 0;  // over the quiet samples; NaN when there are none
  double cpu_share = 0;
};

LayerFigures figures_of(const BenchSamples& samples, double flop,
                        const BenchPlace& place) {
  const auto share = [flop](const BenchSample& one) {
    return flop / one.time.ms / 1e6 / one.probes.registers;
  };
  BenchSamples quiet;
  for (const BenchSample& one : samples) {
    if (one.quiet()) quiet.push_back(one);
  }
  const std::vector<double> ms =
      each(samples, [](const auto& one) { return one.time.ms; });
  return {.median_ms = median(ms),
          .min_ms = *std::ranges::min_element(ms),
          .probe_gflops = median(each(
              samples, [](const auto& one) { return one.probes.registers; })),
          .fraction = median(each(samples, share)),
          .quiet_fraction = median(each(quiet, share)),
          .cpu_share = median(each(samples, [&](const auto& one) {
            return one.time.cpu_ms / one.time.ms / place.threads;
          }))};
}

void report(const LayerCase& one, const BenchPlace& place,
            const BenchSamples& samples, const LayerFlags& flags) {
  const LayerFigures found = figures_of(samples, one.useful_flop, place);
  if (flags.json) {
    print(Json({{"case", one.name},
                {"size", one.size},
                {"pass", flags.pass},
                {"threads", place.threads},
                {"isa", std::string(name_of(place.isa))},
                {"samples", flags.samples},
                {"median_ms", found.median_ms},
                {"min_ms", found.min_ms},
                {"useful_gflops", one.useful_flop / found.median_ms / 1e6},
                {"probe_gflops", found.probe_gflops},
                {"fraction", found.fraction},
                {"quiet_fraction", json_number(found.quiet_fraction)},
                {"cpu_share", found.cpu_share}})
              .dump() +
          "\n");
    return;
  }
  print(
      fmt::format("{:<21} {:<22} {:>7} {:>10.3f} {:>8.1f} {:>7.1f} {:>6.1f}\n",
                  one.name, one.size, place.threads, found.median_ms,
                  one.useful_flop / found.median_ms / 1e6, 100 * found.fraction,
                  100 * found.quiet_fraction));
}

void bench_layers(const LayerFlags& flags) {
  BenchPlace place = {
      .pass = parse_pass(flags.pass),
      .isa = devices().choose(flags.isa ? std::optional(parse_isa(*flags.isa))
                                        : std::nullopt),
      .threads = flags.threads.front()};
  if (flags.serve) {
    const std::vector<LayerCase> cases = cases_of(flags, place);
    if (cases.size() != 1) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("[bench-layers] --serve was given {} cases; "
                              "expected one",
                              cases.size()));
    }
    answer_calls(cases.front().subject, {}, place);
    return;
  }
  if (!flags.json) {
    print(fmt::format("{:<21} {:<22} {:>7} {:>10} {:>8} {:>7} {:>6}\n", "layer",
                      "rows x in -> out", "threads", "median ms", "GFLOP/s",
                      "share %", "quiet"));
  }
  for (const int threads : flags.threads) {
    place.threads = threads;
    const BenchMeter meter({.isa = place.isa, .threads = threads}, {});
    for (const LayerCase& one : cases_of(flags, place)) {
      report(one, place, meter.samples({one.subject}, flags.samples).front(),
             flags);
    }
  }
}

}  // namespace

void add_bench_layers(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<LayerFlags>();
  CLI::App* command = add_command(
      app, "bench-layers",
      "How fast layers are here, beside probes of the processor",
      "maskwise bench-layers --case linear --rows 256 --features 128,512");
  command
      ->add_option("--case", flags->name,
                   "all, linear, encoder_layer or encoder_layer_padded")
      ->check(CLI::IsMember(
          {"all", "linear", "encoder_layer", "encoder_layer_padded"}))
      ->type_name("NAME");
  command
      ->add_option("--pass", flags->pass,
                   "forward or backward (of the encoder layer: both)")
      ->type_name("NAME")
      ->capture_default_str();
  command->add_option("--rows", flags->sizes.rows, "Of linear layers")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_number(1, 1 << 20))
      ->default_str("256,2048");
  command->add_option("--features", flags->sizes.features, "Of linear layers")
      ->type_name("N,...")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(whole_number(1, kMostFeatures))
      ->default_str("128,256,512,1024");
  add_bench_flags(*command, flags->threads, flags->isa, flags->samples);
  add_switch(*command, "--serve", flags->serve,
             "Time calls when standard input asks, a line each: call N");
  add_json_flag(*command, flags->json);
  command->callback([flags] { bench_layers(*flags); });
}

}  // namespace maskwise::cli
