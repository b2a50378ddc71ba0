// Runs a case on both backends and expects the same bits.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_

#include <gtest/gtest.h>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

// The kernel that walks the plan equals the contract over compacted lists.
inline ::testing::AssertionResult kernel_equals_contract(
    const AttentionCase& call) {
  return same_bits(call.run(Backend::cpu), call.run(Backend::reference));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_BACKENDS_H_
