// Runs a case on every instruction set that is here and expects the bits of
// the contract.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_

#include <gtest/gtest.h>

#include "maskwise/device.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

// The kernels of every ISA that this processor has give `expected`. Those that
// it lacks are skipped in the open by IsaTest (isa_test.cc).
inline ::testing::AssertionResult every_isa_gives(
    AttentionCase call, const AttentionResult& expected) {
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    call.options.isa = info.isa;
    const auto same = same_bits(call.run(), expected);
    if (!same) {
      return ::testing::AssertionFailure()
             << "on " << info.name << ": " << same.message();
    }
  }
  return ::testing::AssertionSuccess();
}

// Every kernel, which walks a plan, equals the contract over compacted lists.
inline ::testing::AssertionResult kernel_equals_contract(
    const AttentionCase& call) {
  return every_isa_gives(call, call.run(Backend::reference));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_
