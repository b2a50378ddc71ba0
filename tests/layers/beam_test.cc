#include "layers/beam.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

#include "base/fp_environment.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::Ending;
using nn::GenerateOptions;
using nn::detail::Beam;

constexpr int64_t kVocabulary = 4;
constexpr int64_t kEnd = 3;

using Row = std::vector<float>;  // kVocabulary logits

void expand(Beam& beam, const std::vector<Row>& rows) {
  ASSERT_EQ(rows.size(), beam.live().size());
  std::vector<float> data;
  for (const Row& row : rows) data.insert(data.end(), row.begin(), row.end());
  const detail::FpEnvironment environment;
  beam.expand({data.data(), kVocabulary, detail::kernels_of(Isa::scalar)});
}

GenerateOptions options_of(int64_t beam, float penalty = 1) {
  return {
      .end = kEnd, .max_length = 5, .beam = beam, .length_penalty = penalty};
}

// Logits that are log-probabilities.
Row probabilities(const std::vector<double>& values) {
  Row row;
  for (const double value : values) {
    row.push_back(static_cast<float>(std::log(value)));
  }
  return row;
}

TEST(BeamTest, EqualCandidatesRankByTokenThenByHypothesis) {
  const GenerateOptions options = options_of(3);
  const Row equal = {0, 0, 0, kMinusInf};
  Beam beam(options);
  expand(beam, {equal});
  ASSERT_EQ(beam.live().size(), 3U);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(beam.live()[static_cast<size_t>(i)].tokens,
              (std::vector<int64_t>{i}));
  }
  expand(beam, {equal, equal, equal});
  ASSERT_EQ(beam.live().size(), 3U);
  for (int64_t i = 0; i < 3; ++i) {
    const nn::detail::Hypothesis& each = beam.live()[static_cast<size_t>(i)];
    EXPECT_EQ(each.tokens, (std::vector<int64_t>{i, 0}));
    EXPECT_EQ(each.parent, i);
    EXPECT_NEAR(each.sum, -2 * std::log(3.0), 1e-6);
  }
}

TEST(BeamTest, GreedyTakesTheFirstOfTheLargestLogits) {
  const auto chosen = [](const Row& row) {
    const GenerateOptions options = options_of(1);
    Beam beam(options);
    expand(beam, {row});
    return beam.live().at(0).tokens.at(0);
  };
  EXPECT_EQ(chosen({-1, 2, 2, 2}), 1);
  // The same log-probability, after rounding.
  EXPECT_EQ(chosen({-1e-9F, 0, -1e-9F, -1}), 1);
}

TEST(BeamTest, AnEndBehindTheFirstBeamCandidatesFinishesNothing) {
  const GenerateOptions options = options_of(2);
  Beam beam(options);
  expand(beam, {probabilities({0.4, 0.3, 0.1, 0.2})});
  ASSERT_EQ(beam.live().size(), 2U);
  // The last end has the largest probability of a sentence, 0.4 * 0.22.
  expand(beam, {probabilities({0.3, 0.25, 0.23, 0.22}),
                probabilities({0.6, 0.2, 0.1, 0.1})});
  expand(beam, {probabilities({0.01, 0.01, 0.01, 0.97}),
                probabilities({0.01, 0.01, 0.01, 0.97})});
  EXPECT_TRUE(beam.live().empty());
  EXPECT_EQ(beam.result().tokens, (std::vector<int64_t>{1, 0}));
}

// Finished: "end" with 0.5 and "0 end" with 0.4 * 0.9.
TEST(BeamTest, ThePenaltyDecidesBetweenShortAndLong) {
  const auto winner = [](float penalty) {
    const GenerateOptions options = options_of(2, penalty);
    Beam beam(options);
    expand(beam, {probabilities({0.4, 0.05, 0.05, 0.5})});
    if (!beam.live().empty()) {
      expand(beam, {probabilities({0.04, 0.03, 0.03, 0.9}),
                    probabilities({0.25, 0.25, 0.25, 0.25})});
    }
    EXPECT_TRUE(beam.live().empty());
    return beam.result().tokens.size();
  };
  EXPECT_EQ(winner(0), 0U);     // -0.69 and -1.02
  EXPECT_EQ(winner(1), 1U);     // -0.69 and -0.51
  EXPECT_EQ(winner(0.5F), 0U);  // -0.69 and -0.72
  EXPECT_EQ(winner(0.6F), 1U);  // -0.69 and -0.67
  EXPECT_EQ(winner(-1), 0U);
}

TEST(BeamTest, StopsWhenTheBestLiveHypothesisCannotWin) {
  const auto lives_on = [](float penalty, double end) {
    const GenerateOptions options = options_of(3, penalty);
    Beam beam(options);
    expand(beam, {probabilities({0.98 - end, 0.01, 0.01, end})});
    return !beam.live().empty();
  };
  // ln(0.6) against ln(0.38): with nothing to gain by length, or with 5 times.
  EXPECT_FALSE(lives_on(0, 0.6));
  EXPECT_TRUE(lives_on(1, 0.6));
  // ln(0.9) is -0.105; ln(0.08) / 5 is -0.505.
  EXPECT_FALSE(lives_on(1, 0.9));
  EXPECT_TRUE(lives_on(2, 0.9));
  // Longer is worse: ln(0.49) * 2 against ln(0.49).
  EXPECT_FALSE(lives_on(-1, 0.49));
}

// Ends that are unlikely finish as many hypotheses as there may be while the
// likely one still grows.
TEST(BeamTest, WhatIsFinishedDoesNotStopWhatIsBetter) {
  const GenerateOptions options = options_of(2);
  const Row grows = probabilities({0.9, 0.02, 0.02, 0.06});
  const Row hopeless = probabilities({0.25, 0.25, 0.25, 0.25});
  Beam beam(options);
  expand(beam, {grows});
  expand(beam, {grows, hopeless});
  ASSERT_FALSE(beam.live().empty());
  expand(beam, {probabilities({0.01, 0.01, 0.01, 0.97}), hopeless});
  EXPECT_TRUE(beam.live().empty());
  EXPECT_EQ(beam.result().tokens, (std::vector<int64_t>{0, 0}));
}

// The best finished is ln(0.35) / 2, the best live ln(0.1): worse at its next
// token, the third, and better if it had all 5.
TEST(BeamTest, ABeamThatHasFinishedItsNumberLooksOneTokenAhead) {
  const auto lives_on = [](int64_t width) {
    const GenerateOptions options = options_of(width);
    const Row hopeless = probabilities({0.25, 0.25, 0.25, 0.25});
    Beam beam(options);
    expand(beam, {probabilities({0.5, 0.02, 0.02, 0.46})});
    std::vector<Row> rows(beam.live().size(), hopeless);
    rows[0] = probabilities({0.2, 0.05, 0.05, 0.7});
    expand(beam, rows);
    return !beam.live().empty();
  };
  EXPECT_FALSE(lives_on(2));
  EXPECT_TRUE(lives_on(3));
}

TEST(BeamTest, AbsentTokensAreNeverChosenAndInNoSum) {
  for (const int64_t width : {1, 2}) {
    for (const float absent : {kNan, kMinusInf}) {
      const GenerateOptions options = options_of(width);
      Beam beam(options);
      expand(beam, {{absent, 1, absent, 0}});
      ASSERT_EQ(beam.live().size(), 1U);
      EXPECT_EQ(beam.live()[0].tokens, (std::vector<int64_t>{1}));
      EXPECT_NEAR(beam.live()[0].sum, -std::log(1 + std::exp(-1.0)), 1e-6);
    }
  }
}

TEST(BeamTest, WhatNothingContinuesEndsAsItIs) {
  const Row hopeless[] = {{kNan, kNan, kNan, kNan},
                          {kMinusInf, kNan, kMinusInf, kMinusInf},
                          {0, kInf, 0, 0}};
  for (const int64_t width : {1, 2}) {
    for (const Row& row : hopeless) {
      const GenerateOptions options = options_of(width);
      Beam beam(options);
      expand(beam, {{0, -1, kNan, kNan}});
      expand(beam, std::vector<Row>(beam.live().size(), row));
      EXPECT_TRUE(beam.live().empty());
      EXPECT_EQ(beam.result().ending, Ending::no_token);
      EXPECT_EQ(beam.result().tokens, (std::vector<int64_t>{0}));
      EXPECT_NEAR(beam.result().score, -std::log(1 + std::exp(-1.0)), 1e-6);
    }
  }
  // Another hypothesis was finished, and wins.
  const GenerateOptions options = options_of(2, 2);
  Beam beam(options);
  expand(beam, {probabilities({0.4, 0.1, 0.1, 0.4})});
  ASSERT_EQ(beam.live().size(), 2U);
  expand(beam, {hopeless[0], hopeless[1]});
  EXPECT_EQ(beam.result().ending, Ending::end);
  EXPECT_TRUE(beam.result().tokens.empty());
}

}  // namespace
}  // namespace maskwise::testing
