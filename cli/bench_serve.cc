#include "bench_serve.h"

#include <fmt/format.h>

#include <iostream>
#include <sstream>
#include <string>

#include "bench_measure.h"
#include "flags.h"
#include "report.h"

namespace maskwise::cli {
namespace {

constexpr int64_t kMostCalls = 1000000;

[[noreturn]] void refuse(const std::string& line) {
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[serve] cannot answer '{}'; expected 'call N', "
                          "'loop N' of a case that has one, or 'probe'",
                          line));
}

// N of "call N" and "loop N"; 0 when the line is neither.
int64_t calls_asked(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  std::string more;
  int64_t calls = 0;
  words >> what >> calls;
  const bool known = (what == "call" || what == "loop") && !(words >> more);
  return known && calls >= 1 && calls <= kMostCalls ? calls : 0;
}

std::string probe_text(const BenchPlace& place) {
  const ProbeOptions options = {.isa = place.isa, .threads = place.threads};
  return fmt::format("{:.3f} {:.3f}\n", register_gflops(options),
                     tile_gflops(options));
}

}  // namespace

void answer_calls(const Subject& own, const Subject& loop,
                  const BenchPlace& place) {
  print(std::string("ready\n"));
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "probe") {
      print(probe_text(place));
      continue;
    }
    const int64_t calls = calls_asked(line);
    const Subject& asked = line.starts_with("loop") ? loop : own;
    if (calls == 0 || !asked) refuse(line);
    print(fmt::format("{:.6f}\n", time_calls(asked, calls).ms));
  }
}

void serve(const std::vector<BenchCase>& cases, const BenchPlace& place,
           int64_t memory_cap) {
  if (cases.size() != 1) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[bench] --serve was given {} cases; expected one",
                            cases.size()));
  }
  const BenchCase& one = cases.front();
  const BenchInputs inputs(one.shape, place);
  const Subject own = inputs.subject(
      one, compile_under(memory_cap, one.mask.bind(one.shape.scores())));
  const std::vector<PlannedCall> loop = inputs.loop(one.loop);

  Subject all_parts;
  if (!loop.empty()) {
    all_parts = [&loop] {
      for (const PlannedCall& call : loop) call.run();
    };
  }
  answer_calls(own, all_parts, place);
}

}  // namespace maskwise::cli
