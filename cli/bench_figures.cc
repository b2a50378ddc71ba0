#include "bench_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <vector>

namespace maskwise::cli {
namespace {

bool is_known(const Maybe& value) { return value && std::isfinite(*value); }

Maybe percent(const Maybe& share) {
  return share ? Maybe(100 * *share) : std::nullopt;
}

}  // namespace

Json json_of(const Maybe& value) {
  return is_known(value) ? Json(*value) : Json(nullptr);
}

std::string cell(const Maybe& value, int width, int digits) {
  return is_known(value) ? fmt::format("{:>{}.{}f}", *value, width, digits)
                         : fmt::format("{:>{}}", "-", width);
}

SampleFigures figures_of(const BenchSamples& samples, double useful_flop,
                         int threads) {
  const double mega_flop = useful_flop * 1e-6;
  const auto share = [&](const BenchSample& one) {
    return mega_flop / one.time.ms / one.probes.registers;
  };
  const std::vector<double> times =
      each(samples, [](const auto& one) { return one.time.ms; });
  const std::vector<double> shares = each(samples, share);
  BenchSamples quiet;
  std::ranges::copy_if(samples, std::back_inserter(quiet), &BenchSample::quiet);

  SampleFigures found;
  found.median_ms = median(times);
  found.min_ms = *std::ranges::min_element(times);
  found.useful_gflops = mega_flop / found.median_ms;
  found.probe_gflops = median(
      each(samples, [](const auto& one) { return one.probes.registers; }));
  found.second_probe_gflops =
      median(each(samples, [](const auto& one) { return one.probes.tile; }));
  found.fraction = median(shares);
  found.best_fraction = *std::ranges::max_element(shares);
  found.cpu_share = median(each(samples, [threads](const auto& one) {
    return one.time.cpu_ms / one.time.ms / threads;
  }));
  found.quiet_samples = std::ssize(quiet);
  if (!quiet.empty()) found.quiet_fraction = median(each(quiet, share));
  return found;
}

std::string figures_head() {
  return fmt::format("{:>10}{:>10}{:>8}{:>8}{:>6}{:>8}{:>6}{:>6}", "median ms",
                     "best ms", "GFLOP/s", "share %", "best", "quiet %",
                     "2nd %", "cpu %");
}

std::string figures_row(const SampleFigures& found) {
  const double second = found.second_probe_gflops / found.probe_gflops;
  return cell(found.median_ms, 10, 3) + cell(found.min_ms, 10, 3) +
         cell(found.useful_gflops, 8, 1) + cell(percent(found.fraction), 8, 1) +
         cell(percent(found.best_fraction), 6, 1) +
         cell(percent(found.quiet_fraction), 8, 1) +
         cell(percent(second), 6, 0) + cell(percent(found.cpu_share), 6, 0);
}

std::string figures_legend() {
  return "share %  useful FLOP / time / register probe, median; best; quiet: "
         "median of the samples\n"
         "         whose second probe (2nd, the tile in L1) is above 90 % of "
         "the first\n"
         "cpu %    processor time / (time x threads): less than 100 when "
         "something else ran\n";
}

}  // namespace maskwise::cli
