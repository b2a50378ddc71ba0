// Random calls whose errors are measured: rows short and long, scores flat and
// steep, and sink rows.
#ifndef MASKWISE_TESTS_SUPPORT_ACCURACY_CASE_H_
#define MASKWISE_TESTS_SUPPORT_ACCURACY_CASE_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>

#include "tests/support/attention_random.h"

namespace maskwise::testing {

// A size in [1, most], small ones as often as large ones.
inline int64_t log_uniform(Rng& rng, int64_t most) {
  const double top = std::log(static_cast<double>(most) + 1);
  const double x = std::uniform_real_distribution<double>(0, top)(rng);
  return std::min(most, static_cast<int64_t>(std::exp(x)));
}

inline Mask accuracy_mask(Rng& rng, const AttentionShape& shape) {
  switch (uniform(rng, 0, 3)) {
    case 0:
      return causal(Align::bottom_right);
    case 1:
      return sliding_window({.left = log_uniform(rng, 3000),
                             .right = 2,
                             .align = Align::bottom_right});
    case 2:
      return allow(random_bools(rng, {shape.q_len, shape.kv_len}, 0.6));
    default:
      return all();
  }
}

// Rows of 1 to 5,000 keys; q and k of standard deviation 0.3 to 6; GQA,
// softcap, bias and ALiBi mixed.
inline AttentionCase accuracy_case(Rng& rng) {
  const int64_t kv_heads = uniform(rng, 1, 2);
  const AttentionShape shape{.batch = 1,
                             .heads = kv_heads * uniform(rng, 1, 3),
                             .q_len = uniform(rng, 1, 3),
                             .kv_len = log_uniform(rng, 5000)};
  AttentionCase call = make_case(rng, shape, accuracy_mask(rng, shape),
                                 {.kv_heads = kv_heads,
                                  .head_dim = log_uniform(rng, 64),
                                  .value_dim = uniform(rng, 1, 6)});
  const auto deviation = [&] {
    return std::uniform_real_distribution<float>(0.3F, 6)(rng);
  };
  call.q = call.own(normal(rng, call.q.shape(), deviation()));
  call.k = call.own(normal(rng, call.k.shape(), deviation()));
  if (one_in(rng, 3)) call.options.softcap = one_in(rng, 2) ? 5.0F : 30.0F;
  if (one_in(rng, 3)) add_bias(rng, call, {shape.heads, 1, shape.kv_len});
  if (one_in(rng, 3)) add_alibi(call);
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  return call;
}

// The first key is heavier than each other by `lead`; the others are many, and
// about equal. In one chain their sum would stall: that is why there are folds.
inline AttentionCase sink_case(Rng& rng, int64_t keys, double lead) {
  AttentionCase call = make_case(rng, {1, 1, 1, keys}, all(), {.value_dim = 3});
  Tensor q(DType::f32, {1, 1, 1, 4});
  q.mutable_data<float>()[0] = 2;  // scale 1/2
  Tensor k = normal(rng, {1, 1, keys, 4}, 0.01F);
  k.mutable_data<float>()[0] = static_cast<float>(lead);
  Tensor v = normal(rng, {1, 1, keys, 3}, 0.05F);
  for (int64_t i = 0; i < v.size(); ++i) v.mutable_data<float>()[i] += 1;
  std::fill_n(v.mutable_data<float>(), 3, -1.0F);
  call.q = call.own(q);
  call.k = call.own(k);
  call.v = call.own(v);
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  return call;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_ACCURACY_CASE_H_
