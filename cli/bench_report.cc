#include "bench_report.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include "bench_figures.h"

namespace maskwise::cli {
namespace {

double median_ms(const BenchSamples& samples) {
  return median(each(samples, [](const auto& one) { return one.time.ms; }));
}

// Everything that is computed from the samples.
struct Figures {
  SampleFigures own;
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

void add_ratios(const BenchResult& result, Figures& found) {
  const double walked = result.plan.plan.stats().walked_share;
  if (!result.dense.empty()) {
    found.dense_ratio = found.own.median_ms / median_ms(result.dense);
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
                       static_cast<double>(size_of(result.place.dtype));
  found.kv_bytes = bytes;
  found.kv_gbytes = bytes * 1e-6 / found.own.median_ms;
  found.read_gbytes =
      median(each(result.own, [](const auto& one) { return one.probes.read; }));
  found.read_fraction = median(each(result.own, [&](const auto& one) {
    return bytes * 1e-6 / one.time.ms / one.probes.read;
  }));
}

Figures all_figures_of(const BenchResult& result) {
  Figures found;
  found.own = figures_of(result.own, useful_flop(result), result.place.threads);
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
  const Figures found = all_figures_of(result);
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
               {"median_ms", found.own.median_ms},
               {"min_ms", found.own.min_ms},
               {"useful_gflops", found.own.useful_gflops},
               {"probe_gflops", found.own.probe_gflops},
               {"fraction", found.own.fraction},
               {"visible_share", stats.visible_share},
               {"walked_share", stats.walked_share},
               {"loop_gflops", json_of(found.loop_gflops)},
               {"plan_ms", result.plan.best_ms},
               {"plan_bytes", stats.plan_bytes}};
  line["second_probe_gflops"] = found.own.second_probe_gflops;
  line["best_fraction"] = found.own.best_fraction;
  line["quiet_fraction"] = json_of(found.own.quiet_fraction);
  line["quiet_samples"] = found.own.quiet_samples;
  line["cpu_share"] = found.own.cpu_share;
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
      "{:<12}{}{:>8}{:>8}{:>8}\n",
      name_of(result.place.dtype), name_of(result.place.pass), shape.batch,
      shape.heads, shape.kv_heads, shape.q_len, shape.kv_len, shape.head_dim,
      threads, threads == 1 ? "" : "s", name_of(result.place.isa), "case",
      figures_head(), "/dense", "/walked", "loop");
}

std::string table_row(const BenchResult& result) {
  const Figures found = all_figures_of(result);
  std::string row = fmt::format("{:<12}", result.name);
  row += figures_row(found.own);
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
  return figures_legend() +
         "/dense   time / time without a mask, samples in turn; /walked: that "
         "/ "
         "walked share\n"
         "useful   of visible pairs\n"
         "loop     GFLOP/s of one dense call for each document or sequence\n";
}

}  // namespace maskwise::cli
