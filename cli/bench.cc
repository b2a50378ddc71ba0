// maskwise bench: how fast attention is on this machine, as a share of what a
// probe reaches beside it.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench_call.h"
#include "bench_case.h"
#include "bench_measure.h"
#include "bench_report.h"
#include "bench_serve.h"
#include "commands.h"
#include "flags.h"
#include "report.h"
#include "timed_plan.h"

namespace maskwise::cli {
namespace {

struct BenchFlags {
  std::vector<std::string> cases = {"all"};
  std::string pass = "forward";
  std::optional<std::string> shape;
  std::string dtype = "f32";
  std::vector<int> threads = {1};
  std::optional<std::string> isa;
  int64_t samples = 15;
  int64_t memory_cap = PlanOptions{}.memory_cap;
  bool alone = false;
  bool serve = false;
  bool json = false;
};

DType parse_bench_dtype(const std::string& name) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    if (name == name_of(dtype)) return dtype;
  }
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[dtype] unknown dtype '{}'; expected one of: f32, "
                          "f16, bf16",
                          name));
}

// Every case that was asked for, made before any is run.
std::vector<BenchCase> cases_of(const BenchFlags& flags, Pass pass) {
  std::optional<BenchShape> shape;
  if (flags.shape) shape = parse_bench_shape(*flags.shape);
  const bool all = std::ranges::count(flags.cases, "all") > 0;
  std::vector<BenchCase> cases;
  for (const std::string& name : all ? bench_case_names() : flags.cases) {
    BenchCase one = make_bench_case(name, shape);
    if (pass == Pass::forward || !one.cached) {
      cases.push_back(std::move(one));
    } else if (!all) {
      throw Error(ErrorCode::invalid_argument,
                  fmt::format("[bench] {} has no backward pass; expected a "
                              "case without a cache",
                              name));
    }
  }
  return cases;
}

bool is_everything(const BenchCase& one) {
  return one.name == "dense" || one.name.starts_with("decode");
}

BenchResult measure(const BenchCase& one, const BenchPlace& place,
                    const BenchFlags& flags) {
  const TimedPlan timed =
      compile_timed(one.mask.bind(one.shape.scores()), flags.memory_cap);
  const BenchInputs inputs(one.shape, place);
  std::vector<Subject> subjects = {inputs.subject(one, timed.plan)};
  std::optional<PlannedCall> dense;
  std::vector<PlannedCall> loop;
  if (!flags.alone && !is_everything(one)) {
    dense = inputs.whole(compile(all().bind(one.shape.scores())));
    subjects.emplace_back([&dense] { dense->run(); });
  }
  if (!flags.alone && !one.loop.empty()) {
    loop = inputs.loop(one.loop);
    subjects.emplace_back([&loop] {
      for (const PlannedCall& call : loop) call.run();
    });
  }

  const bool reads =
      one.name.starts_with("decode") && place.pass == Pass::forward;
  const BenchMeter meter({.isa = place.isa, .threads = place.threads},
                         reads ? inputs.kv() : TensorView());
  std::vector<BenchSamples> found = meter.samples(subjects, flags.samples);
  BenchResult result = {.name = one.name,
                        .shape = one.shape,
                        .place = place,
                        .plan = timed,
                        .own = found.front(),
                        .dense = {},
                        .loop = {},
                        .reads = reads};
  if (!loop.empty()) result.loop = found.back();
  if (dense) result.dense = found[1];
  return result;
}

void report(const BenchResult& result, const BenchFlags& flags,
            std::string& head) {
  if (flags.json) {
    print(json_of(result).dump() + "\n");
    return;
  }
  const std::string own_head = table_head(result);
  if (own_head != head) print((head.empty() ? "" : "\n") + own_head);
  head = own_head;
  print(table_row(result));
}

void bench(const BenchFlags& flags) {
  BenchPlace place = {
      .pass = parse_pass(flags.pass),
      .dtype = parse_bench_dtype(flags.dtype),
      .isa = devices().choose(flags.isa ? std::optional(parse_isa(*flags.isa))
                                        : std::nullopt)};
  const std::vector<BenchCase> cases = cases_of(flags, place.pass);
  if (flags.serve) {
    place.threads = flags.threads.front();
    serve(cases, place, flags.memory_cap);
    return;
  }
  std::string head;
  for (const int threads : flags.threads) {
    place.threads = threads;
    for (const BenchCase& one : cases) {
      report(measure(one, place, flags), flags, head);
    }
  }
  if (!flags.json) print("\n" + table_legend());
}

void add_what_flags(CLI::App& command, BenchFlags& flags) {
  command
      .add_option(
          "--case", flags.cases,
          fmt::format("all, or of: {}", fmt::join(bench_case_names(), ", ")))
      ->type_name("NAME,...")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--pass", flags.pass, "forward or backward")
      ->type_name("NAME")
      ->capture_default_str();
  command
      .add_option("--shape", flags.shape,
                  "Of every case (default: 1,8,8,2048,2048,64; padding 8 "
                  "sequences of one head, decode 4096 keys)")
      ->type_name("B,H,Hkv,Lq,Lk,D");
  command
      .add_option("--dtype", flags.dtype, "f32, f16 or bf16 of q, k, v and o")
      ->type_name("NAME");
}

void add_how_flags(CLI::App& command, BenchFlags& flags) {
  add_bench_flags(command, flags.threads, flags.isa, flags.samples);
  add_switch(command, "--alone", flags.alone,
             "Measure neither dense nor a loop beside the case");
  add_switch(
      command, "--serve", flags.serve,
      "Time calls when standard input asks, a line each: call N, loop N");
}

}  // namespace

void add_bench(CLI::App& app, int& /*exit_code*/) {
  const auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = add_command(
      app, "bench",
      "How fast attention is here, beside probes of the processor",
      "maskwise bench --case causal,documents8 --shape 1,4,4,1024,1024,64 "
      "--threads 1,2\n"
      "docs/benchmarks.md says how it measures.");
  add_what_flags(*command, *flags);
  add_how_flags(*command, *flags);
  add_memory_cap_flag(*command, flags->memory_cap);
  add_json_flag(*command, flags->json);
  command->callback([flags] { bench(*flags); });
}

}  // namespace maskwise::cli
