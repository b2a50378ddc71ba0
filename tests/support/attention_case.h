// One attention call with all that it needs, for tests that run it twice.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_CASE_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_CASE_H_

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/attention.h"
#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/tensor.h"

namespace maskwise::testing {

using Rng = std::mt19937;

inline constexpr float kInf = std::numeric_limits<float>::infinity();
inline constexpr float kMinusInf = -kInf;
inline constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
inline constexpr float kFinfoMin = std::numeric_limits<float>::lowest();

// A whole number in [low, high].
inline int64_t uniform(Rng& rng, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(rng);
}

inline bool one_in(Rng& rng, int64_t n) { return uniform(rng, 1, n) == 1; }

// Normal values with mean 0.
inline Tensor normal(Rng& rng, const Shape& shape, float deviation = 1) {
  Tensor tensor(DType::f32, shape);
  std::normal_distribution<float> distribution(0, deviation);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = distribution(rng);
  }
  return tensor;
}

// true with the given share.
inline Tensor random_bools(Rng& rng, const Shape& shape, double share) {
  Tensor tensor(DType::boolean, shape);
  std::bernoulli_distribution distribution(share);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<bool>()[i] = distribution(rng);
  }
  return tensor;
}

// Owns its tensors; copies share them. The views of `options` are set by
// run(), from the tensors beside it.
struct AttentionCase {
  AttentionShape shape;
  Mask mask = all();
  TensorView q;
  TensorView k;
  TensorView v;
  Tensor bias;
  Tensor alibi_slopes;
  Tensor q_positions;
  Tensor kv_positions;
  AttentionOptions options;
  std::vector<Tensor> owned;

  // Keeps `tensor` alive and shows it.
  TensorView own(const Tensor& tensor) {
    owned.push_back(tensor);
    return tensor.view();
  }

  AttentionOptions options_for(Backend backend) const {
    AttentionOptions result = options;
    result.backend = backend;
    result.bias = bias;
    result.alibi = {alibi_slopes, q_positions, kv_positions};
    return result;
  }

  AttentionResult run(Backend backend = Backend::cpu) const {
    return attention(q, k, v, compile(mask.bind(shape)), options_for(backend));
  }
};

// Sizes of a case beyond those of its mask.
struct Dims {
  int64_t kv_heads = 1;
  int64_t head_dim = 4;
  int64_t value_dim = 4;
};

// Normal q, k and v, and every output asked for.
inline AttentionCase make_case(Rng& rng, const AttentionShape& shape,
                               const Mask& mask, const Dims& dims = {}) {
  const auto [kv_heads, head_dim, value_dim] = dims;
  AttentionCase result;
  result.shape = shape;
  result.mask = mask;
  result.q = result.own(
      normal(rng, {shape.batch, shape.heads, shape.q_len, head_dim}));
  result.k =
      result.own(normal(rng, {shape.batch, kv_heads, shape.kv_len, head_dim}));
  result.v =
      result.own(normal(rng, {shape.batch, kv_heads, shape.kv_len, value_dim}));
  result.options.weights = Weights::all;
  result.options.scores = Scores::biased;
  return result;
}

// [B, H, Lq, Lk] with 1 instead of each axis whose bit is set in `repeated`:
// every shape that a bias can be broadcast from, for 0 to 15.
inline Shape repeated_bias_shape(const AttentionShape& shape,
                                 int64_t repeated) {
  const auto& [batch, heads, q_len, kv_len] = shape;
  Shape result = {batch, heads, q_len, kv_len};
  for (size_t axis = 0; axis < 4; ++axis) {
    if ((repeated >> axis) % 2 == 1) result[axis] = 1;
  }
  return result;
}

// Adds a normal bias of the given shape.
inline void add_bias(Rng& rng, AttentionCase& to, const Shape& shape) {
  to.bias = normal(rng, shape);
}

// Adds the slopes 1/first, 1/(2 first), ..., one for each head.
inline void add_alibi(AttentionCase& to, int64_t first = 2) {
  std::vector<float> slopes;
  for (int64_t h = 0; h < to.shape.heads; ++h) {
    slopes.push_back(1.0F / static_cast<float>(first << (h % 8)));
  }
  to.alibi_slopes = Tensor::from({to.shape.heads}, slopes);
}

// Slopes under which keys of several folds weigh about alike: under 1/2 all but
// the last 200 would weigh +0, and one fold would be left.
inline void add_gentle_alibi(AttentionCase& to) { add_alibi(to, 1024); }

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_CASE_H_
