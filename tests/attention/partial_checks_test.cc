// Parts that do not fit, and what parts cannot give, are refused in words.
#include <gtest/gtest.h>

#include <string>

#include "maskwise/partial.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using enum ErrorCode;

TEST(PartialChecksTest, WeightsAndScoresAreRefused) {
  const MaskPlan plan = compile(all().bind({1, 1, 2, 2}));
  const Tensor x(DType::f32, {1, 1, 2, 2});
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    EXPECT_TRUE(throws_error(
        invalid_argument, "[attention_partial] weights are asked for", [&] {
          attention_partial(x, x, x, plan,
                            {.weights = Weights::all, .backend = backend});
        }));
    EXPECT_TRUE(throws_error(
        invalid_argument, "[attention_partial] scores are asked for", [&] {
          attention_partial(x, x, x, plan,
                            {.scores = Scores::raw, .backend = backend});
        }));
    EXPECT_TRUE(throws_error(
        invalid_argument, "[attention_partial] chosen rows of weights", [&] {
          attention_partial(x, x, x, plan,
                            {.pair_rows = {1}, .backend = backend});
        }));
  }
}

TEST(PartialChecksTest, ArgumentsAreCheckedAsThoseOfAttention) {
  const MaskPlan plan = compile(all().bind({1, 1, 2, 3}));
  const Tensor x(DType::f32, {1, 1, 2, 2});
  EXPECT_TRUE(throws_error(shape_mismatch,
                           "[attention] expected k of shape [1, 1, 3, 2]",
                           [&] { attention_partial(x, x, x, plan); }));
}

PartialAttention zeros(const Shape& a, const Shape& rows,
                       Layout layout = Layout::bhld) {
  return {Tensor(DType::f32, a), Tensor(DType::f32, rows),
          Tensor(DType::f32, rows), layout};
}

TEST(PartialChecksTest, PartsThatDoNotFitAreRefused) {
  const auto refused = [](const PartialAttention& later,
                          const std::string& text) {
    PartialAttention into = zeros({2, 3, 4, 5}, {2, 3, 4});
    const auto error = thrown_by([&] { merge(into, later); });
    if (!error) return ::testing::AssertionFailure() << "no error";
    return ::testing::AssertionResult(std::string(error->what()) == text)
           << error->what();
  };
  EXPECT_TRUE(refused(zeros({2, 3, 4, 6}, {2, 3, 4}),
                      "[merge] expected a of shape [2, 3, 4, 5], got "
                      "[2, 3, 4, 6]; only parts of the same rows merge"));
  EXPECT_TRUE(
      refused(zeros({2, 3, 4, 5}, {2, 4, 3}),
              "[merge] expected m as f32 [2, 3, 4], got f32 [2, 4, 3]"));
  EXPECT_TRUE(refused(zeros({2, 4, 3, 5}, {2, 3, 4}, Layout::blhd),
                      "[merge] expected both in one layout, got bhld and blhd; "
                      "permute one"));
  EXPECT_TRUE(refused(zeros({2, 3, 4}, {2, 3, 4}),
                      "[merge] expected a as f32 [B, H, Lq, Dv], got f32 "
                      "[2, 3, 4]"));
  EXPECT_TRUE(
      refused({}, "[merge] expected a as f32 [B, H, Lq, Dv], got nothing"));
  PartialAttention half = zeros({2, 3, 4, 5}, {2, 3, 4});
  half.a = Tensor(DType::bf16, {2, 3, 4, 5});
  EXPECT_TRUE(refused(
      half, "[merge] expected a as f32 [2, 3, 4, 5], got bf16 [2, 3, 4, 5]"));
  PartialAttention no_l = zeros({2, 3, 4, 5}, {2, 3, 4});
  no_l.l = Tensor();
  EXPECT_TRUE(
      refused(no_l, "[merge] expected l as f32 [2, 3, 4], got nothing"));
}

TEST(PartialChecksTest, WhatCannotBeFinishedIsRefused) {
  EXPECT_TRUE(throws_error(shape_mismatch, "[finish] expected a as f32",
                           [] { finish({}); }));
  EXPECT_TRUE(throws_error(invalid_argument,
                           "[finish] expected o of type f32, f16 or bf16, got "
                           "f64",
                           [] {
                             finish(zeros({1, 1, 1, 1}, {1, 1, 1}), DType::f64);
                           }));
}

}  // namespace
}  // namespace maskwise::testing
