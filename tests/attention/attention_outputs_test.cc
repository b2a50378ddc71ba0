#include "attention/attention_outputs.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

detail::ForwardProblem problem() {
  detail::ForwardProblem problem;
  problem.shape = {2, 3, 4, 5};
  problem.value_dim = 6;
  return problem;
}

TEST(AttentionOutputs, OnlyWhatIsAskedForIsMade) {
  detail::ForwardProblem p = problem();
  const AttentionResult plain = make_outputs(p, {});
  EXPECT_FALSE(plain.weights.defined());
  EXPECT_FALSE(plain.scores.defined());
  EXPECT_FALSE(p.weights.given());
  const AttentionResult all =
      make_outputs(p, {.weights = Weights::all, .scores = Scores::capped});
  EXPECT_EQ(all.weights.shape(), (Shape{2, 3, 4, 5}));
  EXPECT_EQ(all.scores.shape(), (Shape{2, 3, 4, 5}));
  EXPECT_EQ(p.score_stage, detail::ScoreStage::capped);
}

TEST(AttentionOutputs, PairsAreOfTheChosenRows) {
  detail::ForwardProblem p = problem();
  const std::vector<int64_t> rows = {1, 3};
  p.pair_rows = rows;
  const AttentionResult result = make_outputs(p, {.weights = Weights::all});
  EXPECT_EQ(result.weights.shape(), (Shape{2, 3, 2, 5}));
  EXPECT_EQ(result.lse.shape(), (Shape{2, 3, 4}));
}

TEST(AttentionOutputs, SumsOfAPartAreF32) {
  detail::ForwardProblem p = problem();
  p.q.dtype = DType::bf16;
  EXPECT_EQ(make_outputs(p, {}).o.dtype(), DType::bf16);
  p.is_partial = true;
  EXPECT_EQ(make_outputs(p, {}).o.dtype(), DType::f32);
}

TEST(AttentionOutputs, TheBackendSeesEitherLayoutAsBhld) {
  detail::ForwardProblem p = problem();
  const AttentionResult bhld = make_outputs(p, {});
  EXPECT_EQ(bhld.o.shape(), (Shape{2, 3, 4, 6}));
  EXPECT_EQ(p.o.at(1, 2, 3) - p.o.at(0, 0, 0), (1 * 3 + 2) * 24 + 3 * 6);
  const AttentionResult blhd = make_outputs(p, {.layout = Layout::blhd});
  EXPECT_EQ(blhd.o.shape(), (Shape{2, 4, 3, 6}));
  EXPECT_EQ(p.o.at(1, 2, 3) - p.o.at(0, 0, 0), (1 * 4 + 3) * 18 + 2 * 6);
}

}  // namespace
}  // namespace maskwise::testing
