#include "plan/plan_estimate.h"

#include <gtest/gtest.h>

#include <string_view>

#include "maskwise/mask.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

using testing::throws_error;

constexpr int64_t kGibi = int64_t{1} << 30;

// One slice for all heads.
void estimate(const Mask& mask, const AttentionShape& shape, int64_t cap) {
  check_estimate(mask.bind(shape), {{0}}, cap);
}

TEST(PlanEstimate, IsStatedWithTheCapAndTheReason) {
  const AttentionShape million{1, 1, 1 << 20, 1 << 20};
  EXPECT_TRUE(throws_error(
      ErrorCode::limit,
      "[plan] the plan for shape [1, 1, 1048576, 1048576] would take about",
      [&] { estimate(dilated(2), million, kGibi); }));
  EXPECT_TRUE(throws_error(ErrorCode::limit,
                           "expected at most 1 GiB (PlanOptions::memory_cap). "
                           "Rows that lie side by side see different keys",
                           [&] { estimate(dilated(2), million, kGibi); }));
  estimate(causal(), million, kGibi);
  estimate(sliding_window({.left = 5000}), {1, 1, 1 << 20, 1 << 20}, kGibi);
}

TEST(PlanEstimate, SaysThatRowsDifferOnlyWhereTheyDo) {
  const int64_t most = INT32_MAX - 1;
  try {
    estimate(causal(), {1, 1, most, most}, kGibi);
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_TRUE(
        std::string_view(error.what()).ends_with("(PlanOptions::memory_cap)"))
        << error.what();
  }
}

TEST(PlanEstimate, GrowsWithTheSlices) {
  const BoundMask mask = causal().bind({1, 1, 6400, 6400});
  const SliceUses one = {{0}};
  const SliceUses many(100, {0});
  check_estimate(mask, one, 200000);
  EXPECT_TRUE(throws_error(ErrorCode::limit, "would take about",
                           [&] { check_estimate(mask, many, 200000); }));
}

// No call may take what it refuses to give, nor long to refuse.
TEST(PlanEstimate, EnormousShapesAreRefusedOrFitAtOnce) {
  const int64_t most = INT32_MAX - 1;
  for (const AttentionShape& shape :
       {AttentionShape{1, 1, most, most}, AttentionShape{1, 1, 1, most},
        AttentionShape{1, 1, 3, most}}) {
    EXPECT_TRUE(throws_error(ErrorCode::limit, "would take about",
                             [&] { estimate(dilated(2), shape, kGibi); }));
  }
  EXPECT_TRUE(throws_error(ErrorCode::limit, "would take about", [&] {
    estimate(causal(Align::top_left), {1, 1, most, most}, kGibi);
  }));
  estimate(causal(Align::bottom_right), {1, 1, 1, most}, kGibi);
}

TEST(PlanEstimate, WhatIsStoredCountsToo) {
  const BoundMask mask = all().bind({1, 1, 4, 4});
  check_stored(mask, 1000, 0.5, 1000);
  EXPECT_TRUE(throws_error(
      ErrorCode::limit, "would take about 3.906 KiB; expected at most 1000 by",
      [&] { check_stored(mask, 2000, 0.5, 1000); }));
}

}  // namespace
}  // namespace maskwise::detail
