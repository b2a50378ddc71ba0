#include "layers/positions.h"

#include "base/fail.h"
#include "base/fp_environment.h"
#include "layers/angles.h"
#include "maskwise/nn/embedding.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;
using maskwise::detail::FpEnvironment;

// Angles are float64, so that they are exact to the last digit of f32 at any
// position.
double frequency(double base, int64_t pair, int64_t features) {
  return detail::power(
      base, -2.0 * static_cast<double>(pair) / static_cast<double>(features));
}

}  // namespace

Tensor sinusoidal_positions(int64_t length, int64_t features) {
  if (length < 1 || features < 1) {
    fail(ErrorCode::invalid_argument, "sinusoidal_positions",
         "{} positions of {} features; expected at least 1 of each", length,
         features);
  }
  const FpEnvironment environment;
  constexpr double kBase = 10000;  // Vaswani et al. 2017
  Tensor table(DType::f32, {length, features});
  for (int64_t j = 0; j < features; ++j) {
    const double turn = frequency(kBase, j / 2, features);
    for (int64_t i = 0; i < length; ++i) {
      const auto [sine, cosine] =
          detail::sine_cosine(static_cast<double>(i) * turn);
      table.mutable_data<float>()[i * features + j] =
          static_cast<float>(j % 2 == 0 ? sine : cosine);
    }
  }
  return table;
}

namespace detail {

void rotate(const MutableRows& rows, int64_t head_dim, double base,
            const std::vector<int64_t>& positions, Turn turn) {
  const FpEnvironment environment;
  const int64_t pairs = head_dim / 2;
  std::vector<double> turns(static_cast<size_t>(pairs));
  for (int64_t i = 0; i < pairs; ++i) {
    turns[static_cast<size_t>(i)] = frequency(base, i, head_dim);
  }
  for (int64_t row = 0; row < rows.count; ++row) {
    const auto position =
        static_cast<double>(positions[static_cast<size_t>(row)]);
    for (int64_t i = 0; i < pairs; ++i) {
      const SineCosine angle =
          sine_cosine(position * turns[static_cast<size_t>(i)]);
      const auto cosine = static_cast<float>(angle.cosine);
      const auto sine =
          static_cast<float>(turn == Turn::forward ? angle.sine : -angle.sine);
      float* pair = rows.data + row * rows.step + 2 * i;
      for (int64_t head = 0; head < rows.width; head += head_dim) {
        const float x = pair[head];
        const float y = pair[head + 1];
        pair[head] = x * cosine - y * sine;
        pair[head + 1] = x * sine + y * cosine;
      }
    }
  }
}

}  // namespace detail
}  // namespace maskwise::nn
