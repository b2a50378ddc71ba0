#include "backend/reference/matmul_contract.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace maskwise::testing {
namespace {

using detail::contract_matmul;
using detail::MatmulProblem;
using detail::Matrix;

const std::vector<float> kA = {1, 2, 3, 4, 5, 6};  // [2, 3], or [3, 2]
const std::vector<float> kB = {1, 10, 100};        // [3, 1]

TEST(MatmulContract, MultipliesMatricesAndTransposes) {
  std::vector<float> c(2);
  MatmulProblem problem = {.rows = 2,
                           .columns = 1,
                           .depth = 3,
                           .a = {kA.data(), 3, 1},
                           .b = {kB.data(), 1, 1},
                           .c = c.data(),
                           .c_row = 1};
  contract_matmul(problem);
  EXPECT_EQ(c, (std::vector<float>{321, 654}));
  problem.a = Matrix{kA.data(), 2, 1}.transposed();
  contract_matmul(problem);
  EXPECT_EQ(c, (std::vector<float>{531, 642}));
}

TEST(MatmulContract, AddsToWhatIsThereThenTheBias) {
  std::vector<float> c = {1000, -7, 2000};  // rows 2 apart
  constexpr float kBias = 0.5F;
  contract_matmul({.rows = 2,
                   .columns = 1,
                   .depth = 3,
                   .a = {kA.data(), 3, 1},
                   .b = {kB.data(), 1, 1},
                   .c = c.data(),
                   .c_row = 2,
                   .adds = true,
                   .bias = &kBias});
  EXPECT_EQ(c, (std::vector<float>{1321.5F, -7, 2654.5F}));
}

// (1 + e)^2 - (1 + 2e) is e^2 with a fused multiply-add, 0 without; the chain
// ascends, or it would be 0, too.
TEST(MatmulContract, IsAChainOfFusedMultiplyAdds) {
  constexpr float kE = 0x1p-12F;
  const std::vector<float> a = {-1 - 2 * kE, 1 + kE};
  const std::vector<float> b = {1, 1 + kE};
  float c = 0;
  contract_matmul({.rows = 1,
                   .columns = 1,
                   .depth = 2,
                   .a = {a.data(), 2, 1},
                   .b = {b.data(), 1, 1},
                   .c = &c,
                   .c_row = 1});
  EXPECT_EQ(c, kE * kE);
}

TEST(MatmulContract, WithoutDepthIsZero) {
  float c = 5;
  contract_matmul(
      {.rows = 1, .columns = 1, .a = {}, .b = {}, .c = &c, .c_row = 1});
  EXPECT_EQ(c, 0);
}

}  // namespace
}  // namespace maskwise::testing
