#include "mask/length_checks.h"

#include <gtest/gtest.h>

#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::throws_error;

TEST(LengthChecks, ASingleNumberIsNoList) {
  check_is_list("lengths", PerBatch({3}));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "q_lengths: expected one length for each batch item, as a list like "
      "[3,5] or a tensor [B], got the single number 3",
      [] { check_is_list("q_lengths", PerBatch(3)); }));
}

TEST(LengthChecks, LengthsLieBetweenZeroAndTheLimit) {
  check_lengths("lengths", {}, 4);
  check_lengths("lengths", {0, 4}, 4);
  for (const int64_t wrong : {int64_t{-1}, int64_t{5}, INT64_MAX, INT64_MIN}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::shape_mismatch,
        "the length of batch item 1 is " + std::to_string(wrong), [&] {
          check_lengths("lengths", {4, wrong}, 4);
        }));
  }
}

}  // namespace
}  // namespace maskwise::detail
