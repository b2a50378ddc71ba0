#include "maskwise/nn/linear.h"

#include <string_view>
#include <vector>

#include "base/fail.h"
#include "layers/linear_rows.h"
#include "layers/rows.h"

namespace maskwise::nn {
namespace {

using detail::Rows;

constexpr std::string_view kOperation = "linear";

// A side of a matrix that can be had.
int64_t checked_size(int64_t size) {
  if (size >= 1) return size;
  maskwise::detail::fail(ErrorCode::invalid_argument, kOperation,
                         "{} features; expected at least 1", size);
}

}  // namespace

Linear::Linear(int64_t inputs, int64_t outputs)
    : weight({checked_size(outputs), checked_size(inputs)}), bias({outputs}) {}

Tensor Linear::forward(const TensorView& x, const Compute& compute) const {
  const Rows rows(kOperation, "x", x, inputs());
  Tensor y = Tensor::unfilled(DType::f32, rows.shape_of(outputs()));
  detail::multiply_rows(
      rows.span(), {weight.value.data<float>(), bias.value.data<float>()},
      {y.mutable_data<float>(), rows.count(), outputs(), outputs()}, compute);
  return y;
}

Tensor Linear::backward(const TensorView& x, const TensorView& d_y,
                        const Compute& compute) {
  const Rows x_rows(kOperation, "x", x, inputs());
  const Rows d_rows(kOperation, "d_y", d_y, outputs());
  check_same_rows(kOperation, x_rows, d_rows);
  const std::vector<int64_t> present = rows_present(d_rows);
  detail::add_weight_gradients(detail::ChosenRows(x_rows, present).span(),
                               detail::ChosenRows(d_rows, present).span(),
                               {weight.gradient.mutable_data<float>(),
                                bias.gradient.mutable_data<float>()},
                               compute);
  Tensor d_x = Tensor::unfilled(DType::f32, x_rows.shape_of(inputs()));
  detail::multiply_rows_back(
      d_rows.span(), weight.value.data<float>(),
      {d_x.mutable_data<float>(), d_rows.count(), inputs(), inputs()},
      detail::Into::fresh, compute);
  clear_absent(d_rows, d_x);  // 0 times an odd weight is none
  return d_x;
}

void Linear::visit_parameters(const std::string& prefix,
                              const ParameterVisitor& visit) {
  visit(prefix + "weight", weight);
  visit(prefix + "bias", bias);
}

}  // namespace maskwise::nn
