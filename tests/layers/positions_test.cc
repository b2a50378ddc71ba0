#include "layers/positions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "maskwise/nn/embedding.h"
#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/model_oracle.h"

namespace maskwise::testing {
namespace {

using nn::sinusoidal_positions;
using nn::detail::rotate;
using nn::detail::Turn;

using Positions = std::vector<int64_t>;

// Rows [count, heads * dim] turned.
Tensor turned(const Tensor& rows, int64_t dim, const Positions& positions,
              Turn turn = Turn::forward) {
  Tensor result = rows.clone();
  rotate({result.mutable_data<float>(), rows.dim(0), rows.dim(1), rows.dim(1)},
         dim, 10000, positions, turn);
  return result;
}

// A sine or cosine below 1 is rounded once, by 2^-25; its angle is off by
// 2^-52 of some thousands.
TEST(SinusoidalPositions, AreThoseOfTheFormula) {
  for (const int64_t features : {8, 5}) {
    const Tensor table = sinusoidal_positions(3000, features);
    ASSERT_EQ(table.shape(), (Shape{3000, features}));
    for (int64_t i = 0; i < table.size(); ++i) {
      ASSERT_NEAR(table.data<float>()[i],
                  sinusoid_oracle(i / features, i % features, features),
                  0x1p-25 + 1e-11)
          << i;
    }
  }
}

TEST(SinusoidalPositions, BeginWithSinesOfZeroAndCosines) {
  const Tensor table = sinusoidal_positions(2, 4);
  EXPECT_TRUE(same_bits(
      table,
      Tensor::from<float>({2, 4}, {0, 1, 0, 1, 0.841470985F, 0.540302306F,
                                   0.00999983333F, 0.99995F})));
}

TEST(SinusoidalPositions, RefuseSizesThatAreNone) {
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "0 positions of 4 features; expected at least 1 of each",
                   [] { sinusoidal_positions(0, 4); }));
  EXPECT_TRUE(
      throws_error(ErrorCode::invalid_argument,
                   "3 positions of -1 features; expected at least 1 of each",
                   [] { sinusoidal_positions(3, -1); }));
}

// x c - y s: c and s are off by 2^-25 (and 2^-52 of the angle), each product
// and their difference are rounded by 2^-24 of at most |x| + |y|.
constexpr double kTurnError = 2.5 * 0x1p-24 + 1e-9;

TEST(RotaryPositions, TurnPairsOfEachHeadByTheFormula) {
  Rng rng(32);
  const Positions positions = {0, 7, 3, 100000};
  const Tensor rows = normal(rng, {4, 18});  // 3 heads of 6
  const Wide expected = turned_oracle(widened(rows), 6, 10000, positions);
  const Tensor found = turned(rows, 6, positions);
  for (int64_t i = 0; i < rows.size(); ++i) {
    const auto* pair = rows.data<float>() + i / 2 * 2;
    EXPECT_NEAR(found.data<float>()[i], expected[static_cast<size_t>(i)],
                kTurnError * (std::fabs(pair[0]) + std::fabs(pair[1])))
        << i;
  }
}

TEST(RotaryPositions, PositionZeroChangesNoBit) {
  Rng rng(33);
  const Tensor rows = normal(rng, {2, 8});
  EXPECT_TRUE(same_bits(turned(rows, 4, {0, 0}), rows));
  EXPECT_FALSE(same_bits(turned(rows, 4, {0, 1}), rows));
}

TEST(RotaryPositions, TurningBackUndoesTheTurn) {
  Rng rng(34);
  const Tensor rows = normal(rng, {3, 8});
  const Positions positions = {1, 50, 4711};
  const Tensor there = turned(rows, 4, positions);
  EXPECT_GT(worst_error(there, widened(rows)), 0.1);
  const Tensor back = turned(there, 4, positions, Turn::back);
  for (int64_t i = 0; i < rows.size(); ++i) {
    // Of two turns; the error of the first, of both features, is turned, too.
    const auto* pair = rows.data<float>() + i / 2 * 2;
    EXPECT_NEAR(back.data<float>()[i], rows.data<float>()[i],
                4 * kTurnError * (std::fabs(pair[0]) + std::fabs(pair[1])))
        << i;
  }
}

// q . k of rows 0 and 1.
double score_of(const Tensor& rows) {
  const int64_t width = rows.dim(1);
  double score = 0;
  for (int64_t i = 0; i < width; ++i) {
    score += double(rows.data<float>()[i]) * rows.data<float>()[width + i];
  }
  return score;
}

TEST(RotaryPositions, ScoresDependOnDistancesAlone) {
  Rng rng(35);
  const Tensor rows = normal(rng, {2, 8});
  double scale = 0;  // what the errors of both factors are multiplied by
  for (int64_t i = 0; i < 8; i += 2) {
    const auto* q = rows.data<float>() + i;
    scale += (std::fabs(q[0]) + std::fabs(q[1])) *
             (std::fabs(q[8]) + std::fabs(q[9]));
  }
  const double near = score_of(turned(rows, 8, {5, 2}));
  // Two features a pair, two factors a product, two scores.
  const double bound = 8 * kTurnError * scale;
  EXPECT_NEAR(score_of(turned(rows, 8, {3, 0})), near, bound);
  EXPECT_NEAR(score_of(turned(rows, 8, {100003, 100000})), near, bound);
  EXPECT_GT(std::fabs(score_of(turned(rows, 8, {5, 3})) - near), 0.01);
  EXPECT_GT(std::fabs(score_of(turned(rows, 8, {2, 5})) - near), 0.01);
}

TEST(RotaryPositions, LeaveWhatLiesBetweenRows) {
  Rng rng(36);
  const Tensor rows = normal(rng, {2, 8});
  Tensor found = rows.clone();
  rotate({found.mutable_data<float>(), 2, 4, 8}, 4, 10000, {3, 9},
         Turn::forward);
  for (int64_t row = 0; row < 2; ++row) {
    for (int64_t i = 0; i < 8; ++i) {
      const bool same =
          bits_of(found, row * 8 + i) == bits_of(rows, row * 8 + i);
      EXPECT_EQ(same, i >= 4) << row << ", " << i;
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
