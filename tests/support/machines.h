// What must change no bit: each instruction set, and the number of threads.
#ifndef MASKWISE_TESTS_SUPPORT_MACHINES_H_
#define MASKWISE_TESTS_SUPPORT_MACHINES_H_

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <cstdio>
#include <string>
#include <vector>

#include "maskwise/nn/module.h"

namespace maskwise::testing {

// Instruction sets that this processor has; says which it lacks.
inline std::vector<IsaInfo> isas_here() {
  std::vector<IsaInfo> here;
  for (const IsaInfo& info : devices().isas()) {
    if (info.available) {
      here.push_back(info);
    } else {
      std::printf("skipped: this processor lacks %s\n",
                  std::string(info.description).c_str());
    }
  }
  return here;
}

// Calls visit(Compute) for each of them with these numbers of threads, until an
// expectation fails.
template <typename Visit>
void on_every_machine(const std::vector<int>& threads, Visit visit) {
  const tbb::global_control seven(tbb::global_control::max_allowed_parallelism,
                                  7);
  for (const IsaInfo& info : isas_here()) {
    for (const int count : threads) {
      SCOPED_TRACE(::testing::Message()
                   << info.name << ", " << count << " threads");
      visit(nn::Compute{info.isa, count});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MACHINES_H_
