#include "layers/cached_layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/machines.h"
#include "tests/support/model_batches.h"

namespace maskwise::testing {
namespace {

using nn::MultiHeadAttention;
using nn::NormOrder;
using nn::detail::CachedCrossAttention;
using nn::detail::CachedSelfAttention;
using nn::detail::step_rows;
using nn::detail::StepRows;

using Numbers = std::vector<int64_t>;

constexpr int64_t kFeatures = 16;
constexpr int64_t kHeads = 4;
constexpr int64_t kMaxLength = 12;

TEST(StepRows, CountTheTokensOfEachSequence) {
  const StepRows rows = step_rows({2, 0, 2, 2, 3}, {4, 9, 7, 0});
  EXPECT_EQ(rows.sequences, (Numbers{2, 0, 2, 2, 3}));
  EXPECT_EQ(rows.slots, (Numbers{6, 0, 7, 8, 9}));
  EXPECT_EQ(rows.positions, (Numbers{7, 4, 8, 9, 0}));
  EXPECT_EQ(rows.counts, (Numbers{1, 0, 3, 1}));
  EXPECT_EQ(rows.longest, 3);
  EXPECT_EQ(rows.count(), 5);
  EXPECT_EQ(rows.batch(), 4);
}

// What a layer of 4 heads on 2 says of whole sequences.
struct Whole {
  MultiHeadAttention layer;
  std::vector<Tensor> x;  // [L, E]
  std::vector<Tensor> y;

  static TensorView as_batch(const Tensor& rows) {
    return TensorView(rows.data<float>(), DType::f32,
                      {1, rows.dim(0), rows.dim(1)});
  }
};

MaskPlan plan_of(const Mask& mask, int64_t batch, int64_t q_len,
                 int64_t kv_len) {
  return compile(mask.bind({batch, kHeads, q_len, kv_len}));
}

Mask window() { return causal() & sliding_window({.left = 4}); }

Whole self_attention(const std::vector<int64_t>& lengths) {
  Rng rng(41);
  Whole whole = {MultiHeadAttention({kFeatures, kHeads, 2, 100}), {}, {}};
  randomise(rng, whole.layer);
  for (const int64_t length : lengths) {
    whole.x.push_back(normal(rng, {length, kFeatures}));
    const TensorView x = Whole::as_batch(whole.x.back());
    const Tensor y =
        whole.layer.forward(x, x, plan_of(window(), 1, length, length)).y;
    whole.y.push_back(rows_at(y, {0, length}));
  }
  return whole;
}

// The rows of `of` that a step has: each sequence's at the tokens' positions.
Tensor step_of(const std::vector<Tensor>& of, const StepRows& rows) {
  Tensor step(DType::f32, {rows.count(), kFeatures});
  for (int64_t i = 0; i < rows.count(); ++i) {
    const auto at = static_cast<size_t>(i);
    const Tensor& all = of[static_cast<size_t>(rows.sequences[at])];
    std::copy_n(all.data<float>() + rows.positions[at] * kFeatures, kFeatures,
                step.mutable_data<float>() + i * kFeatures);
  }
  return step;
}

// Feeds these steps to the layer; `lengths` are those so far.
void expect_steps(const Whole& whole, CachedSelfAttention& cached,
                  const std::vector<Numbers>& steps, Numbers lengths,
                  const nn::Compute& compute) {
  const MaskPlan plan =
      plan_of(window(), std::ssize(lengths), kMaxLength, kMaxLength);
  for (const Numbers& sequences : steps) {
    const StepRows rows = step_rows(sequences, lengths);
    EXPECT_TRUE(
        same_bits(cached.forward(step_of(whole.x, rows), rows, plan, compute),
                  step_of(whole.y, rows)))
        << "a step of " << rows.count() << " tokens";
    for (size_t i = 0; i < lengths.size(); ++i) lengths[i] += rows.counts[i];
  }
}

TEST(CachedSelfAttention, StepsGiveTheBitsOfTheLayer) {
  const Whole whole = self_attention({5, kMaxLength, 3});
  on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
    CachedSelfAttention cached(whole.layer, 3, kMaxLength);
    expect_steps(whole, cached,
                 {{1, 0, 1, 1},
                  {0, 1, 2},
                  {},
                  {2, 1, 1, 0, 2, 1, 1},
                  {1, 0, 1, 0, 1, 1}},
                 {0, 0, 0}, compute);
  });
}

TEST(CachedSelfAttention, ASelectedSequenceGoesOnAsTheOneThatItWas) {
  Whole whole = self_attention({8, kMaxLength, 6});
  CachedSelfAttention cached(whole.layer, 3, kMaxLength);
  expect_steps(whole, cached, {{0, 1, 2, 2, 1}, {1, 0}}, {0, 0, 0}, {});
  cached.select({1, 0, 1});
  whole.x = {whole.x[1], whole.x[0], whole.x[1]};
  whole.y = {whole.y[1], whole.y[0], whole.y[1]};
  expect_steps(whole, cached, {{0, 1, 2}, {2, 2, 0, 1, 2}}, {3, 2, 3}, {});
}

// Two memories of 5 keys, of which the second has 3, each read by two
// sequences.
TEST(CachedCrossAttention, StepsGiveTheBitsOfTheLayer) {
  Rng rng(42);
  Whole whole = {MultiHeadAttention({kFeatures, kHeads, 2}), {}, {}};
  randomise(rng, whole.layer);
  const Tensor memory = normal(rng, {2, 5, kFeatures});
  for (const int64_t s : {0, 1, 2, 3}) {
    const int64_t length = 2 + 3 * s;
    const int64_t keys = s < 2 ? 5 : 3;
    const Tensor own = rows_at(memory, {s / 2 * 5, keys});
    whole.x.push_back(normal(rng, {length, kFeatures}));
    const Tensor y =
        whole.layer
            .forward(Whole::as_batch(whole.x.back()), Whole::as_batch(own),
                     plan_of(all(), 1, length, keys))
            .y;
    whole.y.push_back(rows_at(y, {0, length}));
  }
  on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
    const CachedCrossAttention cached(whole.layer, memory, 2, compute);
    for (const Numbers& sequences :
         {Numbers{0, 3, 1, 3}, Numbers{}, Numbers{2, 2, 2, 0, 1, 1}}) {
      const StepRows rows = step_rows(sequences, {0, 1, 2, 3});
      const MaskPlan plan = plan_of(lengths({5, 3}), 2, 2 * rows.longest, 5);
      EXPECT_TRUE(
          same_bits(cached.forward(step_of(whole.x, rows), rows, plan, compute),
                    step_of(whole.y, rows)));
    }
  });
}

TEST(ResidualRows, NormaliseBeforeOrAfterTheSum) {
  Rng rng(43);
  nn::Norm norm(kFeatures, nn::NormKind::layer);
  randomise(rng, norm);
  const Tensor x = normal(rng, {3, kFeatures});
  const Tensor f = normal(rng, {3, kFeatures});
  const auto rows = [&](NormOrder order, const Tensor& expected_input) {
    const auto layer = [&](const Tensor& input) -> const Tensor& {
      EXPECT_TRUE(same_bits(input, expected_input));
      return f;
    };
    return nn::detail::residual_rows(x, norm, order, layer);
  };
  EXPECT_TRUE(same_bits(rows(NormOrder::post, x),
                        norm.forward(nn::detail::sum_of(x, f))));
  EXPECT_TRUE(same_bits(rows(NormOrder::pre, norm.forward(x)),
                        nn::detail::sum_of(x, f)));
}

}  // namespace
}  // namespace maskwise::testing
