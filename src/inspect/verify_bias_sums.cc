#include "inspect/verify_bias_sums.h"

#include <algorithm>
#include <vector>

#include "backend/row_math.h"

namespace maskwise::detail {
namespace {

// Steps of a dense tensor of `shape` that is broadcast to four axes.
std::vector<int64_t> broadcast_steps(const Shape& shape) {
  std::vector<int64_t> steps(4, 0);
  const Shape dense = contiguous_strides(shape);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    if (shape[axis] != 1) steps[4 - shape.size() + axis] = dense[axis];
  }
  return steps;
}

}  // namespace

Tensor sum_over_pairs(const Tensor& pairs, const Shape& shape) {
  Tensor sums(DType::f32, shape);
  const std::vector<int64_t> step = broadcast_steps(shape);
  const int64_t queries = pairs.dim(2);
  const int64_t keys = pairs.dim(3);
  const int64_t columns = step[3] == 0 ? std::min<int64_t>(keys, 1) : keys;
  const int64_t lines = step[2] == 0 ? std::min<int64_t>(queries, 1) : queries;
  const auto* pair = pairs.data<float>();
  for (int64_t head = 0; head < pairs.dim(0) * pairs.dim(1); ++head) {
    // A masked pair adds +0, which changes no sum that began at +0.
    std::vector<float> chains(static_cast<size_t>(lines * columns), 0.0F);
    for (int64_t q = 0; q < queries; ++q) {
      float* line = chains.data() + (step[2] == 0 ? 0 : q * columns);
      for (int64_t k = 0; k < keys; ++k) {
        line[step[3] == 0 ? 0 : k] += *pair++;
      }
    }
    auto* sum = sums.mutable_data<float>() + head / pairs.dim(1) * step[0] +
                head % pairs.dim(1) * step[1];
    for (int64_t i = 0; i < lines * columns; ++i) {
      sum[i / columns * step[2] + i % columns * step[3]] +=
          chains[static_cast<size_t>(i)];
    }
  }
  for (int64_t i = 0; i < sums.size(); ++i) {
    auto* sum = sums.mutable_data<float>() + i;
    *sum = stored(*sum);
  }
  return sums;
}

}  // namespace maskwise::detail
