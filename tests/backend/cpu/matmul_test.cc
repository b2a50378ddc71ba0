#include "backend/cpu/matmul.h"

#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "backend/reference/matmul_contract.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using detail::MatmulProblem;
using detail::Matrix;

struct Sizes {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t depth = 0;
};

constexpr Sizes kSizes[] = {{1, 1, 1},      {1, 64, 64},   {7, 65, 3},
                            {48, 16, 128},  {49, 100, 59}, {300, 130, 40},
                            {600, 70, 530}, {5, 200, 1},   {64, 1, 77},
                            {0, 5, 5},      {3, 4, 0}};

// How a matrix lies in memory.
enum class Stored { as_is, transposed };
constexpr Stored kWays[] = {Stored::as_is, Stored::transposed};

Matrix matrix_of(const Tensor& tensor, Stored way) {
  const Matrix matrix = {tensor.data<float>(), tensor.dim(1), 1};
  return way == Stored::transposed ? matrix.transposed() : matrix;
}

Tensor stored(Rng& rng, int64_t rows, int64_t columns, Stored way) {
  return way == Stored::transposed ? normal(rng, {columns, rows})
                                   : normal(rng, {rows, columns});
}

// The kernels of every ISA, with 1, 2 and 7 threads, give the chains.
void expect_contract(Rng& rng, const Sizes& sizes, Stored a_way, Stored b_way) {
  const auto [rows, columns, depth] = sizes;
  const Tensor a = stored(rng, rows, depth, a_way);
  const Tensor b = stored(rng, depth, columns, b_way);
  const Tensor bias = normal(rng, {columns});
  const Tensor before = normal(rng, {rows, columns});
  for (const int kind : {0, 1, 2}) {
    MatmulProblem problem = {.rows = rows,
                             .columns = columns,
                             .depth = depth,
                             .a = matrix_of(a, a_way),
                             .b = matrix_of(b, b_way),
                             .c_row = columns,
                             .adds = kind == 1};
    if (kind == 2) problem.bias = bias.data<float>();
    Tensor expected = before.clone();
    problem.c = expected.mutable_data<float>();
    contract_matmul(problem);
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      for (const int threads : {1, 2, 7}) {
        Tensor found = before.clone();
        problem.c = found.mutable_data<float>();
        cpu_matmul(problem, info.isa, threads);
        ASSERT_EQ(std::memcmp(found.bytes(), expected.bytes(),
                              static_cast<size_t>(found.byte_size())),
                  0)
            << info.name << ", kind " << kind;
      }
    }
  }
}

TEST(Matmul, EqualsItsChainsForAllSizesAndLayouts) {
  const tbb::global_control seven(tbb::global_control::max_allowed_parallelism,
                                  7);
  Rng rng(11);
  for (const Sizes& sizes : kSizes) {
    for (const Stored a_way : kWays) {
      for (const Stored b_way : kWays) {
        SCOPED_TRACE(::testing::Message()
                     << sizes.rows << "x" << sizes.columns << "x" << sizes.depth
                     << (a_way == Stored::transposed ? " aT" : "")
                     << (b_way == Stored::transposed ? " bT" : ""));
        expect_contract(rng, sizes, a_way, b_way);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// A row's bits do not depend on the rows beside it.
TEST(Matmul, ARowAloneHasTheBitsOfTheRowAmongOthers) {
  Rng rng(12);
  const Tensor a = normal(rng, {100, 70});
  const Tensor b = normal(rng, {70, 90});
  Tensor all(DType::f32, {100, 90});
  const auto problem_of = [&](int64_t first, int64_t rows, Tensor& c) {
    return MatmulProblem{.rows = rows,
                         .columns = 90,
                         .depth = 70,
                         .a = {a.data<float>() + first * 70, 70, 1},
                         .b = {b.data<float>(), 90, 1},
                         .c = c.mutable_data<float>(),
                         .c_row = 90};
  };
  const Isa isa = devices().choose({});
  cpu_matmul(problem_of(0, 100, all), isa, 1);
  for (int64_t row = 0; row < 100; ++row) {
    Tensor alone(DType::f32, {1, 90});
    cpu_matmul(problem_of(row, 1, alone), isa, 1);
    const TensorView among(all.data<float>() + row * 90, DType::f32, {1, 90});
    ASSERT_TRUE(same_bits(alone, Tensor::copy_of(among))) << "row " << row;
  }
}

}  // namespace
}  // namespace maskwise::testing
