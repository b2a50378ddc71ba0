#include "layers/linear_rows.h"

#include <gtest/gtest.h>

#include <vector>

namespace maskwise::testing {
namespace {

using nn::detail::add_weight_gradients;
using nn::detail::ConstRows;
using nn::detail::Into;
using nn::detail::multiply_rows;
using nn::detail::multiply_rows_back;

// Rows of 2 numbers, 3 apart; -1 lies between and is not touched.
const std::vector<float> kX = {1, 2, -1, 3, 4, -1};
constexpr float kWeight[] = {1, 10, 2, 20, 3, 30};  // [3, 2]

ConstRows x_rows() { return {kX.data(), 2, 2, 3}; }

TEST(LinearRows, ReadAndWriteAtTheirSteps) {
  constexpr float kBias[] = {100, 200, 300};
  std::vector<float> y(8, -1);
  multiply_rows(x_rows(), {kWeight, kBias}, {y.data(), 2, 3, 4}, {});
  EXPECT_EQ(y, (std::vector<float>{121, 242, 363, -1, 143, 286, 429, -1}));
}

TEST(LinearRows, BackAreNewOrAdded) {
  const std::vector<float> d_y = {1, 0, 1, 0, 2, 0};  // [2, 3]
  std::vector<float> d_x(6, -1);
  const ConstRows rows = {d_y.data(), 2, 3, 3};
  multiply_rows_back(rows, kWeight, {d_x.data(), 2, 2, 3}, Into::fresh, {});
  EXPECT_EQ(d_x, (std::vector<float>{4, 40, -1, 4, 40, -1}));
  multiply_rows_back(rows, kWeight, {d_x.data(), 2, 2, 3}, Into::sum, {});
  EXPECT_EQ(d_x, (std::vector<float>{8, 80, -1, 8, 80, -1}));
}

TEST(LinearRows, GradientsOfWeightsAreAdded) {
  const std::vector<float> d_y = {1, 5};  // [2, 1]
  std::vector<float> weight = {1000, 2000};
  std::vector<float> bias = {3000};
  add_weight_gradients(x_rows(), {d_y.data(), 2, 1, 1},
                       {weight.data(), bias.data()}, {});
  EXPECT_EQ(weight, (std::vector<float>{1016, 2022}));
  EXPECT_EQ(bias, (std::vector<float>{3006}));
}

// 1 + 2^-24 + 2^-24 is 1 in this order, and more in the other.
TEST(LinearRows, GradientsOfTheBiasAreSumsInTheOrderOfTheRows) {
  constexpr float kTiny = 0x1p-24F;
  const std::vector<float> falling = {1, kTiny, kTiny};
  const std::vector<float> rising = {kTiny, kTiny, 1};
  const std::vector<float> x = {0, 0, 0};
  float weight = 0;
  float first = 0;
  add_weight_gradients({x.data(), 3, 1, 1}, {falling.data(), 3, 1, 1},
                       {&weight, &first}, {});
  float second = 0;
  add_weight_gradients({x.data(), 3, 1, 1}, {rising.data(), 3, 1, 1},
                       {&weight, &second}, {});
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 1 + 2 * kTiny);
}

}  // namespace
}  // namespace maskwise::testing
