#include "layers/linear_rows.h"

#include <vector>

#include "attention/attention_checks.h"
#include "backend/cpu/matmul.h"
#include "base/fp_environment.h"

namespace maskwise::nn::detail {
namespace {

using maskwise::detail::FpEnvironment;
using maskwise::detail::MatmulProblem;
using maskwise::detail::Matrix;

void multiply(const MatmulProblem& problem, const Compute& compute) {
  maskwise::detail::check_threads("compute", compute.threads);
  cpu_matmul(problem, devices().choose(compute.isa), compute.threads);
}

Matrix matrix_of(const ConstRows& rows) { return {rows.data, rows.step, 1}; }

// In the order of the rows, then added to what was there.
void add_bias_gradient(const ConstRows& d_y, float* gradient) {
  const FpEnvironment environment;
  std::vector<float> sums(static_cast<size_t>(d_y.width), 0.0F);
  for (int64_t i = 0; i < d_y.count; ++i) {
    const float* row = d_y.data + i * d_y.step;
    for (size_t j = 0; j < sums.size(); ++j) sums[j] += row[j];
  }
  for (size_t j = 0; j < sums.size(); ++j) gradient[j] += sums[j];
}

}  // namespace

void multiply_rows(const ConstRows& x, const Weights& weights,
                   const MutableRows& y, const Compute& compute) {
  multiply({.rows = x.count,
            .columns = y.width,
            .depth = x.width,
            .a = matrix_of(x),
            .b = Matrix{weights.weight, x.width, 1}.transposed(),
            .c = y.data,
            .c_row = y.step,
            .bias = weights.bias},
           compute);
}

void multiply_rows_back(const ConstRows& d_y, const float* weight,
                        const MutableRows& d_x, Into into,
                        const Compute& compute) {
  multiply({.rows = d_y.count,
            .columns = d_x.width,
            .depth = d_y.width,
            .a = matrix_of(d_y),
            .b = {weight, d_x.width, 1},
            .c = d_x.data,
            .c_row = d_x.step,
            .adds = into == Into::sum},
           compute);
}

void add_weight_gradients(const ConstRows& x, const ConstRows& d_y,
                          const WeightGradients& gradients,
                          const Compute& compute) {
  multiply({.rows = d_y.width,
            .columns = x.width,
            .depth = x.count,
            .a = matrix_of(d_y).transposed(),
            .b = matrix_of(x),
            .c = gradients.weight,
            .c_row = x.width,
            .adds = true},
           compute);
  if (gradients.bias != nullptr) add_bias_gradient(d_y, gradients.bias);
}

}  // namespace maskwise::nn::detail
