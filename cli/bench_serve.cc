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
              fmt::format("[bench] cannot answer '{}'; expected 'call N', "
                          "'loop N' of a case that has one, or 'probe'",
                          line));
}

std::string probe_text(const BenchPlace& place) {
  const ProbeOptions options = {.isa = place.isa, .threads = place.threads};
  return fmt::format("{:.3f} {:.3f}\n", register_gflops(options),
                     tile_gflops(options));
}

}  // namespace

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

  print(std::string("ready\n"));
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::string what;
    int64_t calls = 1;
    words >> what;
    const bool counted = !!(words >> calls);
    if (what == "probe" && !counted) {
      print(probe_text(place));
    } else if (!counted || calls < 1 || calls > kMostCalls) {
      refuse(line);
    } else if (what == "call") {
      print(fmt::format("{:.6f}\n", time_calls(own, calls).ms));
    } else if (what == "loop" && !loop.empty()) {
      const auto all_parts = [&] {
        for (const PlannedCall& call : loop) call.run();
      };
      print(fmt::format("{:.6f}\n", time_calls(all_parts, calls).ms));
    } else {
      refuse(line);
    }
  }
}

}  // namespace maskwise::cli
