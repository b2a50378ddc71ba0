// Random attention calls: shapes, masks, strides and options of every kind.
#ifndef MASKWISE_TESTS_SUPPORT_ATTENTION_RANDOM_H_
#define MASKWISE_TESTS_SUPPORT_ATTENTION_RANDOM_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "tests/support/attention_case.h"

namespace maskwise::testing {

// Cases of a random test. A sanitizer makes each about ten times slower.
constexpr int64_t cases(int64_t in_release) {
#ifdef __SANITIZE_ADDRESS__
  constexpr int64_t kSlower = 10;
#else
  constexpr int64_t kSlower = 1;
#endif
  return std::max<int64_t>(1, in_release / kSlower);
}

// The largest size of each axis of a random case.
struct Limits {
  int64_t batch = 3;
  int64_t kv_heads = 2;
  int64_t group = 8;
  int64_t q_len = 5;
  int64_t kv_len = 24;
  int64_t dim = 20;
};

using NextValue = std::function<float()>;

// A boolean tensor in which each key is seen by all rows, by none, by many or
// by few: what makes runs, gaps and bitmaps.
inline Tensor key_columns(Rng& rng, const AttentionShape& shape) {
  Tensor seen(DType::boolean,
              {shape.batch, shape.heads, shape.q_len, shape.kv_len});
  bool* out = seen.mutable_data<bool>();
  for (int64_t slice = 0; slice < shape.batch * shape.heads; ++slice) {
    for (int64_t k = 0; k < shape.kv_len; ++k) {
      const int64_t kind = uniform(rng, 0, 3);
      for (int64_t q = 0; q < shape.q_len; ++q) {
        out[(slice * shape.q_len + q) * shape.kv_len + k] =
            kind == 0 || (kind == 1 && one_in(rng, 2)) ||
            (kind == 2 && one_in(rng, 6));
      }
    }
  }
  return seen;
}

inline Tensor random_ids(Rng& rng, const Shape& shape, int64_t most) {
  Tensor ids(DType::i64, shape);
  for (int64_t i = 0; i < ids.size(); ++i) {
    ids.mutable_data<int64_t>()[i] = uniform(rng, -1, most);
  }
  return ids;
}

// A word that fits the shape.
inline Mask random_word(Rng& rng, const AttentionShape& shape) {
  const int64_t offset = uniform(rng, -2, shape.kv_len);
  std::vector<int64_t> lengths_of_items;
  for (int64_t b = 0; b < shape.batch; ++b) {
    lengths_of_items.push_back(uniform(rng, 0, shape.kv_len));
  }
  switch (uniform(rng, 0, 8)) {
    case 0:
      return all();
    case 1:
      return causal({.offset = offset});
    case 2:
      return sliding_window({.left = uniform(rng, 0, shape.kv_len),
                             .right = uniform(rng, 0, 2),
                             .offset = offset});
    case 3:
      return allow(random_bools(
          rng, {shape.batch, shape.heads, shape.q_len, shape.kv_len},
          static_cast<double>(uniform(rng, 1, 9)) / 10));
    case 4:
      return allow_keys(random_bools(rng, {shape.batch, shape.kv_len}, 0.7));
    case 5:
      return lengths(lengths_of_items);
    case 6:
      return documents(random_ids(rng, {shape.batch, shape.q_len}, 2),
                       random_ids(rng, {shape.batch, shape.kv_len}, 2));
    case 7:
      return dilated(uniform(rng, 1, 3), {.offset = offset});
    default:
      return allow(key_columns(rng, shape));
  }
}

inline Mask random_mask(Rng& rng, const AttentionShape& shape) {
  const Mask first = random_word(rng, shape);
  switch (uniform(rng, 0, 5)) {
    case 0:
      return first & random_word(rng, shape);
    case 1:
      return first | random_word(rng, shape);
    case 2:
      return random_word(rng, shape) & ~first;
    default:
      return first;
  }
}

// A [B, H, L, D] view (in the layout's order of axes) of new memory, which is
// dense, has a gap between elements, or repeats an axis by a stride of 0.
inline TensorView random_view(Rng& rng, AttentionCase& owner, const Shape& bhld,
                              const NextValue& next) {
  Shape shape = bhld;
  if (owner.options.layout == Layout::blhd) std::swap(shape[1], shape[2]);
  Shape stored = shape;
  const int64_t repeated = one_in(rng, 4) ? uniform(rng, 0, 3) : -1;
  if (repeated >= 0) stored[static_cast<size_t>(repeated)] = 1;
  const int64_t gap = repeated < 0 && one_in(rng, 4) ? 3 : 1;
  stored[3] *= gap;
  Tensor tensor(DType::f32, stored);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.mutable_data<float>()[i] = next();
  }
  const TensorView view = owner.own(tensor);
  if (gap == 1) return view.broadcast_to(shape);
  Shape strides = view.strides();
  strides[3] = gap;
  return TensorView(view.bytes(), DType::f32, shape, strides);
}

// A shape that broadcasts to [B, H, Lq, Lk], of any rank from 1 to 4.
inline Shape random_bias_shape(Rng& rng, const AttentionShape& shape) {
  const Shape pairs = {shape.batch, shape.heads, shape.q_len, shape.kv_len};
  Shape result(pairs.begin() + uniform(rng, 0, 3), pairs.end());
  for (int64_t& size : result) size = one_in(rng, 4) ? 1 : size;
  return result;
}

inline void add_random_alibi(Rng& rng, AttentionCase& to) {
  add_alibi(to);
  const auto& [batch, heads, q_len, kv_len] = to.shape;
  if (one_in(rng, 2)) to.q_positions = random_ids(rng, {q_len}, 100);
  if (one_in(rng, 2)) to.kv_positions = random_ids(rng, {batch, kv_len}, 100);
}

inline void add_random_options(Rng& rng, AttentionCase& to,
                               const NextValue& next) {
  AttentionOptions& options = to.options;
  if (one_in(rng, 2)) options.scale = uniform(rng, 0, 1) == 0 ? 0.3F : -1.7F;
  if (one_in(rng, 3)) options.softcap = one_in(rng, 2) ? 2.5F : 30.0F;
  if (one_in(rng, 2)) {
    Tensor bias(DType::f32, random_bias_shape(rng, to.shape));
    for (int64_t i = 0; i < bias.size(); ++i) {
      bias.mutable_data<float>()[i] = next();
    }
    to.own(bias);
    to.bias = bias;
  }
  if (one_in(rng, 3)) add_random_alibi(rng, to);
  options.weights = Weights::all;
  const Scores stages[] = {Scores::none, Scores::raw, Scores::capped,
                           Scores::biased};
  options.scores = stages[uniform(rng, 0, 3)];
}

// A call of any kind; `next` gives its values.
inline AttentionCase random_case(Rng& rng, const Limits& limits,
                                 const NextValue& next) {
  AttentionCase result;
  const int64_t kv_heads = uniform(rng, 1, limits.kv_heads);
  result.shape.batch = uniform(rng, 1, limits.batch);
  result.shape.heads = kv_heads * uniform(rng, 1, limits.group);
  result.shape.q_len = uniform(rng, 1, limits.q_len);
  result.shape.kv_len = uniform(rng, 1, limits.kv_len);
  const auto& [batch, heads, q_len, kv_len] = result.shape;
  const int64_t head_dim = uniform(rng, 1, limits.dim);
  const int64_t value_dim = uniform(rng, 1, limits.dim);
  result.mask = random_mask(rng, result.shape);
  result.options.layout = one_in(rng, 2) ? Layout::blhd : Layout::bhld;
  result.q = random_view(rng, result, {batch, heads, q_len, head_dim}, next);
  result.k =
      random_view(rng, result, {batch, kv_heads, kv_len, head_dim}, next);
  result.v =
      random_view(rng, result, {batch, kv_heads, kv_len, value_dim}, next);
  add_random_options(rng, result, next);
  return result;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ATTENTION_RANDOM_H_
