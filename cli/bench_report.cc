#include "bench_report.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace maskwise::cli {
namespace {

// A number that may be missing, as a table cell and in JSON.
using Maybe = std::optional<double>;

Json json_of(const Maybe& value) {
  return value && std::isfinite(*value) ? Json(*value) : Json(nullptr);
}

std::string cell(const Maybe& value, int width, int digits) {
  if (!value || !std::isfinite(*value))
    return fmt::format("{:>{}}", "-", width);
  return fmt::format("{:>{}.{}f}", *value, width, digits);
}

Maybe percent(const Maybe& share) {
  return share ? Maybe(100 * *share) : std::nullopt;
}

double median_ms(const BenchSamples& samples) {
  return median(each(samples, [](const auto& one) { return one.time.ms; }));
}

// Everything that is computed from the samples.
struct Figures {
  double median_ms = 0;
  double min_ms = 0;
  double useful_gflops = 0;
  double probe_gflops = 0;
  double second_probe_gflops = 0;
  double fraction = 0;  // the median over all samples
  double best_fraction = 0;
  double cpu_share = 0;  // of the time of all threads, median
  int64_t quiet_samples = 0;
  Maybe quiet_fraction;  // the median over the quiet samples
  Maybe dense_ratio;
  Maybe walked_ratio;
  Maybe loop_gflops;
  Maybe kv_bytes;
  Maybe kv_gbytes;
  Maybe read_gbytes;
  Maybe read_fraction;
};

// Only visible pairs are useful: two products forward, five backward, of 2 FLOP
// for each of D and Dv = D.
double useful_flop(const BenchResult& result) {
  const double flop = result.place.pass == Pass::forward ? 4.0 : 10.0;
  return flop * static_cast<double>(result.shape.head_dim) *
         static_cast<double>(result.plan.plan.stats().visible_pairs);
}

void add_shares(const BenchResult& result, Figures& found) {
  const double mega_flop = useful_flop(result) * 1e-6;
  const auto share = [&](const BenchSample& one) {
    return mega_flop / one.time.ms / one.probes.registers;
  };
  const std::vector<double> shares = each(result.own, share);
  found.fraction = median(shares);
  found.best_fraction = *std::ranges::max_element(shares);
  found.cpu_share = median(each(result.own, [&](const BenchSample& one) {
    return one.time.cpu_ms / one.time.ms / result.place.threads;
  }));
  BenchSamples quiet;
  std::ranges::copy_if(result.own, std::back_inserter(quiet),
                       &BenchSample::quiet);
  found.quiet_samples = static_cast<int64_t>(quiet.size());
  if (!quiet.empty()) found.quiet_fraction = median(each(quiet, share));
}

void add_ratios(const BenchResult& result, Figures& found) {
  const double walked = result.plan.plan.stats().walked_share;
  if (!result.dense.empty()) {
    found.dense_ratio = found.median_ms / median_ms(result.dense);
    if (walked > 0) found.walked_ratio = *found.dense_ratio / walked;
  }
  if (!result.loop.empty()) {
    found.loop_gflops = useful_flop(result) * 1e-6 / median_ms(result.loop);
  }
}

void add_reading(const BenchResult& result, Figures& found) {
  const BenchShape& shape = result.shape;
  const double bytes = 2.0 * static_cast<double>(shape.batch) *
                       static_cast<double>(shape.kv_heads) *
                       static_cast<double>(shape.kv_len) *
                       static_cast<double>(shape.head_dim) *
                       static_cast<double>(size_of(result.kv_dtype));
  found.kv_bytes = bytes;
  found.kv_gbytes = bytes * 1e-6 / found.median_ms;
  found.read_gbytes =
      median(each(result.own, [](const auto& one) { return one.probes.read; }));
  found.read_fraction = median(each(result.own, [&](const auto& one) {
    return bytes * 1e-6 / one.time.ms / one.probes.read;
  }));
}

Figures figures_of(const BenchResult& result) {
  Figures found;
  const std::vector<double> times =
      each(result.own, [](const auto& one) { return one.time.ms; });
  found.median_ms = median(times);
  found.min_ms = *std::ranges::min_element(times);
  found.useful_gflops = useful_flop(result) * 1e-6 / found.median_ms;
  found.probe_gflops = median(
      each(result.own, [](const auto& one) { return one.probes.registers; }));
  found.second_probe_gflops =
      median(each(result.own, [](const auto& one) { return one.probes.tile; }));
  add_shares(result, found);
  add_ratios(result, found);
  if (result.reads) add_reading(result, found);
  return found;
}

// The most memory that this process has held, in bytes.
int64_t peak_rss_bytes() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return int64_t{usage.ru_maxrss} * 1024;
}

}  // namespace

Json json_of(const BenchResult& result) {
  const Figures found = figures_of(result);
  const BenchShape& shape = result.shape;
  const PlanStats& stats = result.plan.plan.stats();
  Json line = {{"case", result.name},
               {"pass", name_of(result.place.pass)},
               {"dtype", name_of(result.place.dtype)},
               {"B", shape.batch},
               {"H", shape.heads},
               {"Hkv", shape.kv_heads},
               {"Lq", shape.q_len},
               {"Lk", shape.kv_len},
               {"D", shape.head_dim},
               {"threads", result.place.threads},
               {"isa", name_of(result.place.isa)},
               {"median_ms", found.median_ms},
               {"min_ms", found.min_ms},
               {"useful_gflops", found.useful_gflops},
               {"probe_gflops", found.probe_gflops},
               {"fraction", found.fraction},
               {"visible_share", stats.visible_share},
               {"walked_share", stats.walked_share},
               {"loop_gflops", json_of(found.loop_gflops)},
               {"plan_ms", result.plan.best_ms},
               {"plan_bytes", stats.plan_bytes}};
  line["second_probe_gflops"] = found.second_probe_gflops;
  line["best_fraction"] = found.best_fraction;
  line["quiet_fraction"] = json_of(found.quiet_fraction);
  line["quiet_samples"] = found.quiet_samples;
  line["cpu_share"] = found.cpu_share;
  line["samples"] = result.own.size();
  line["dense_ratio"] = json_of(found.dense_ratio);
  line["walked_ratio"] = json_of(found.walked_ratio);
  line["kv_bytes"] = json_of(found.kv_bytes);
  line["kv_gbytes_per_s"] = json_of(found.kv_gbytes);
  line["read_gbytes_per_s"] = json_of(found.read_gbytes);
  line["read_fraction"] = json_of(found.read_fraction);
  line["peak_rss_bytes"] = peak_rss_bytes();
  return line;
}

std::string table_head(const BenchResult& result) {
  const BenchShape& shape = result.shape;
  const int threads = result.place.threads;
  return fmt::format(
      "{} {}, B {}, H {}, Hkv {}, Lq {}, Lk {}, D {}, {} thread{}, {}\n"
      "{:<12}{:>10}{:>10}{:>8}{:>8}{:>6}{:>8}{:>6}{:>6}{:>8}{:>8}{:>8}\n",
      name_of(result.place.dtype), name_of(result.place.pass), shape.batch,
      shape.heads, shape.kv_heads, shape.q_len, shape.kv_len, shape.head_dim,
      threads, threads == 1 ? "" : "s", name_of(result.place.isa), "case",
      "median ms", "best ms", "GFLOP/s", "share %", "best", "quiet %", "2nd %",
      "cpu %", "/dense", "/walked", "loop");
}

std::string table_row(const BenchResult& result) {
  const Figures found = figures_of(result);
  std::string row = fmt::format("{:<12}", result.name);
  row += cell(found.median_ms, 10, 3);
  row += cell(found.min_ms, 10, 3);
  row += cell(found.useful_gflops, 8, 1);
  row += cell(percent(found.fraction), 8, 1);
  row += cell(percent(found.best_fraction), 6, 1);
  row += cell(percent(found.quiet_fraction), 8, 1);
  row += cell(100 * found.second_probe_gflops / found.probe_gflops, 6, 0);
  row += cell(100 * found.cpu_share, 6, 0);
  row += cell(found.dense_ratio, 8, 3);
  row += cell(found.walked_ratio, 8, 3);
  row += cell(found.loop_gflops, 8, 1);
  row += '\n';
  if (result.reads) {
    row += fmt::format(
        "            K and V of {} read at {:.1f} GB/s, {:.1f} % of the "
        "probe's "
        "{:.1f} GB/s\n",
        human_bytes(static_cast<int64_t>(*found.kv_bytes)), *found.kv_gbytes,
        100 * *found.read_fraction, *found.read_gbytes);
  }
  return row;
}

std::string table_legend() {
  return "share %  FLOP of visible pairs / time / register probe, median; "
         "best; "
         "quiet: median of the\n"
         "         samples whose second probe (2nd, the tile in L1) is above "
         "90 % of the first\n"
         "cpu %    processor time / (time x threads): less than 100 when "
         "something else ran\n"
         "/dense   time / time without a mask, samples in turn; /walked: that "
         "/ "
         "walked share\n"
         "loop     GFLOP/s of one dense call for each document or sequence\n";
}

}  // namespace maskwise::cli
