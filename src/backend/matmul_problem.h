// A product of matrices as backends see it: strided f32 memory, checked before.
#ifndef MASKWISE_BACKEND_MATMUL_PROBLEM_H_
#define MASKWISE_BACKEND_MATMUL_PROBLEM_H_

#include <cstdint>

namespace maskwise::detail {

// A matrix of f32: element (i, j) lies at data + i * row + j * column.
struct Matrix {
  const float* data = nullptr;
  int64_t row = 0;
  int64_t column = 1;

  const float* at(int64_t i, int64_t j) const {
    return data + i * row + j * column;
  }
  Matrix transposed() const { return {data, column, row}; }
};

// c = a b, or c + a b, then + bias. Each element is one chain
// x = fma(a_ik, b_kj, x) over k in ascending order from +0, then a sum with
// what was in c, or with the bias: so it depends on one row of a and one
// column of b, and on nothing else.
struct MatmulProblem {
  int64_t rows = 0;     // of a and c
  int64_t columns = 0;  // of b and c
  int64_t depth = 0;    // columns of a, rows of b
  Matrix a;
  Matrix b;            // its rows or its columns are dense
  float* c = nullptr;  // dense columns, rows c_row apart
  int64_t c_row = 0;
  bool adds = false;            // to what is in c
  const float* bias = nullptr;  // [columns]; null: none
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BACKEND_MATMUL_PROBLEM_H_
