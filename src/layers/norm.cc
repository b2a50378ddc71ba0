#include "maskwise/nn/norm.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/chains.h"
#include "layers/rows.h"

namespace maskwise::nn {
namespace {

using detail::Rows;
using detail::sum_in_chains;
using maskwise::detail::FpEnvironment;

constexpr std::string_view kOperation = "norm";

// What a row is moved and multiplied by.
struct RowScale {
  float mean = 0;
  float inverse = 0;  // 1 / deviation
};

RowScale scale_of(NormKind kind, const float* x, int64_t features, float eps) {
  const auto n = static_cast<float>(features);
  RowScale scale;
  if (kind == NormKind::layer) {
    scale.mean =
        sum_in_chains<float>(features, [=](int64_t i) { return x[i]; }) / n;
  }
  const float mean = scale.mean;
  const float squares = sum_in_chains<float>(features, [=](int64_t i) {
    const float d = x[i] - mean;
    return d * d;
  });
  scale.inverse = 1.0F / std::sqrt(squares / n + eps);
  return scale;
}

// A row as backward() sees it.
struct NormalRow {
  explicit NormalRow(int64_t features)
      : n(static_cast<size_t>(features)), g(static_cast<size_t>(features)) {}

  std::vector<float> n;  // (x - mean) * inverse
  std::vector<float> g;  // d_y * weight
};

// d_x = inverse * (g - mean(g) - n * mean(g n)), without mean(g) for rms.
void write_gradient(NormKind kind, const NormalRow& row, const RowScale& scale,
                    float* d_x) {
  const auto features = std::ssize(row.g);
  const auto count = static_cast<float>(features);
  const float* n = row.n.data();
  const float* g = row.g.data();
  float mean = 0;
  if (kind == NormKind::layer) {
    mean =
        sum_in_chains<float>(features, [=](int64_t i) { return g[i]; }) / count;
  }
  const float along =
      sum_in_chains<float>(features, [=](int64_t i) { return g[i] * n[i]; }) /
      count;
  for (int64_t i = 0; i < features; ++i) {
    d_x[i] = scale.inverse * (g[i] - mean - n[i] * along);
  }
}

void add_gradient(const std::vector<float>& sums, Parameter& to) {
  auto* gradient = to.gradient.mutable_data<float>();
  for (size_t i = 0; i < sums.size(); ++i) gradient[i] += sums[i];
}

void check_arguments(int64_t features, float eps) {
  if (features < 1) {
    maskwise::detail::fail(ErrorCode::invalid_argument, kOperation,
                           "{} features; expected at least 1", features);
  }
  if (!(eps >= 0) || !std::isfinite(eps)) {
    maskwise::detail::fail(ErrorCode::invalid_argument, kOperation,
                           "eps is {}; expected a finite number from 0 on",
                           eps);
  }
}

}  // namespace

Norm::Norm(int64_t features, NormKind kind, float eps)
    : kind_(kind), eps_(eps) {
  check_arguments(features, eps);
  weight = Parameter({features});
  std::fill_n(weight.value.mutable_data<float>(), features, 1.0F);
  if (kind == NormKind::layer) bias = Parameter({features});
}

Tensor Norm::forward(const TensorView& x) const {
  const FpEnvironment environment;
  const Rows rows(kOperation, "x", x, features());
  Tensor result = Tensor::unfilled(DType::f32, rows.shape_of(features()));
  const float* gain = weight.value.data<float>();
  const float* shift =
      kind_ == NormKind::layer ? bias.value.data<float>() : nullptr;
  for (int64_t row = 0; row < rows.count(); ++row) {
    const float* from = rows.at(row);
    float* to = result.mutable_data<float>() + row * features();
    const RowScale scale = scale_of(kind_, from, features(), eps_);
    for (int64_t i = 0; i < features(); ++i) {
      to[i] = (from[i] - scale.mean) * scale.inverse * gain[i];
    }
    if (shift == nullptr) continue;
    for (int64_t i = 0; i < features(); ++i) to[i] = to[i] + shift[i];
  }
  return result;
}

Tensor Norm::backward(const TensorView& x, const TensorView& d_y) {
  const FpEnvironment environment;
  const Rows rows(kOperation, "x", x, features());
  const Rows d_rows(kOperation, "d_y", d_y, features());
  check_same_rows(kOperation, rows, d_rows);
  const int64_t count = features();
  const float* gain = weight.value.data<float>();
  std::vector<float> d_gain(static_cast<size_t>(count), 0.0F);
  std::vector<float> d_shift(static_cast<size_t>(count), 0.0F);
  NormalRow normal(count);
  Tensor result(DType::f32, rows.shape_of(count));
  for (const int64_t row : rows_present(d_rows)) {
    const float* from = rows.at(row);
    const float* d = d_rows.at(row);
    const RowScale scale = scale_of(kind_, from, count, eps_);
    for (size_t i = 0; i < d_gain.size(); ++i) {
      normal.n[i] = (from[i] - scale.mean) * scale.inverse;
      normal.g[i] = d[i] * gain[i];
      d_gain[i] = d_gain[i] + d[i] * normal.n[i];
      d_shift[i] = d_shift[i] + d[i];
    }
    write_gradient(kind_, normal, scale,
                   result.mutable_data<float>() + row * count);
  }
  add_gradient(d_gain, weight);
  if (kind_ == NormKind::layer) add_gradient(d_shift, bias);
  return result;
}

void Norm::visit_parameters(const std::string& prefix,
                            const ParameterVisitor& visit) {
  visit(prefix + "weight", weight);
  if (kind_ == NormKind::layer) visit(prefix + "bias", bias);
}

}  // namespace maskwise::nn
