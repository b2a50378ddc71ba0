// Weights as a table: draw_weights().
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "maskwise/inspect.h"
#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

const Tensor kWeights =
    Tensor::from<float>({2, 3}, {0.97F, 0.03F, 0.0F, 0.2F, 0.4F, 0.4F});

TEST(DrawWeights, InPercentAndADotForNothing) {
  EXPECT_EQ(draw_weights(kWeights, {"<begin>", "B"}, {"a", "b", "c"}),
            "            a     b     c\n"
            "  <begin>  97 \u2588   3     \u00B7\n"
            "        B  20 \u2591  40 \u2592  40 \u2592\n");
}

TEST(DrawWeights, InAscii) {
  EXPECT_EQ(draw_weights(kWeights, {"x", "y"}, {"a", "b", "c"}, Charset::ascii),
            "      a     b     c\n"
            "  x  97 #   3     .\n"
            "  y  20 -  40 +  40 +\n");
}

TEST(DrawWeights, WhatIsTooWideGoesOnBelow) {
  const auto drawn = [](int64_t most) {
    return draw_weights(kWeights, {"x", "y"}, {"a", "b", "c"}, Charset::ascii,
                        most);
  };
  const std::string whole =
      draw_weights(kWeights, {"x", "y"}, {"a", "b", "c"}, Charset::ascii);
  EXPECT_EQ(drawn(21), whole);
  EXPECT_EQ(drawn(20),
            "      a     b\n"
            "  x  97 #   3\n"
            "  y  20 -  40 +\n"
            "\n"
            "      c\n"
            "  x   .\n"
            "  y  40 +\n");
  EXPECT_EQ(drawn(1),
            "      a\n"
            "  x  97 #\n"
            "  y  20 -\n"
            "\n"
            "      b\n"
            "  x   3\n"
            "  y  40 +\n"
            "\n"
            "      c\n"
            "  x   .\n"
            "  y  40 +\n");
}

TEST(DrawWeights, ShowsWhatIsNoNumber) {
  const Tensor weights =
      Tensor::from<float>({1, 1}, {std::numeric_limits<float>::quiet_NaN()});
  EXPECT_EQ(draw_weights(weights, {"q"}, {"k"}), "       k\n  q  nan\n");
}

TEST(DrawWeights, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[draw_weights] expected 2 query labels and 3 key labels, got 1 and 3",
      [] {
        draw_weights(kWeights, {"q"}, {"a", "b", "c"});
      }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "[draw_weights] expected weights [Lq, Lk], f32, dense, got [2]", [] {
        draw_weights(Tensor(DType::f32, {2}), {"a", "b"}, {});
      }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "got nothing",
                           [] { draw_weights({}, {}, {}); }));
}

}  // namespace
}  // namespace maskwise::testing
