// The promise of the library for gradients: what is masked is absent. Deleting
// it changes no bit of any gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "tests/support/attention_random.h"
#include "tests/support/gradient_parts.h"
#include "tests/support/known_gradients.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 4712;

// dq of a row in a world of this row and the keys that it sees.
void expect_row_needs_only_its_keys(const Known& known, const RowIndex& row) {
  SCOPED_TRACE(::testing::Message()
               << "row " << row.b << " " << row.h << " " << row.q);
  const Indices keys = known.pairs.keys_of(row);
  const int64_t kv_head = row.h / known.group;
  const GradientCase alone = PartTaker(known.of, {.batch_begin = row.b,
                                                  .kv_head_begin = kv_head,
                                                  .queries = {row.q},
                                                  .keys = keys})
                                 .taken();
  const Tensor dq = row_at(known.dq, row.b, row.h, row.q);
  ASSERT_TRUE(same_bits(dq, row_at(alone.run().dq, 0, row.h % known.group, 0)));
  ASSERT_TRUE(!keys.empty() || is_plus_zero(dq));
}

// dk and dv of a key in a world of the queries that see it, and of the keys
// that those see.
void expect_key_needs_only_its_queries(const Known& known, int64_t b,
                                       int64_t kv_head, int64_t key) {
  SCOPED_TRACE(::testing::Message()
               << "key " << b << " " << kv_head << " " << key);
  const Tensor dk = row_at(known.dk, b, kv_head, key);
  const Tensor dv = row_at(known.dv, b, kv_head, key);
  const Indices queries = known.queries_of(b, kv_head, key);
  if (queries.empty()) {
    ASSERT_TRUE(is_plus_zero(dk));
    ASSERT_TRUE(is_plus_zero(dv));
    return;
  }
  const Indices keys = known.keys_of(b, kv_head, queries);
  const AttentionGradients alone =
      PartTaker(known.of, {.batch_begin = b,
                           .kv_head_begin = kv_head,
                           .queries = queries,
                           .keys = keys})
          .taken()
          .run();
  const int64_t at = std::ranges::lower_bound(keys, key) - keys.begin();
  ASSERT_TRUE(same_bits(dk, row_at(alone.dk, 0, 0, at)));
  ASSERT_TRUE(same_bits(dv, row_at(alone.dv, 0, 0, at)));
}

void expect_deletion_changes_nothing(const GradientCase& gradient) {
  const Known known(gradient);
  for_each_row(gradient.call.shape, [&](const RowIndex& row) {
    expect_row_needs_only_its_keys(known, row);
  });
  known.for_each_key([&](int64_t b, int64_t kv_head, int64_t key) {
    expect_key_needs_only_its_queries(known, b, kv_head, key);
  });
}

TEST(MaskedGradientsTest, DeletingWhatIsMaskedChangesNoBit) {
  for (int64_t i = 0; i < cases(300); ++i) {
    const uint32_t seed = kSeed + static_cast<uint32_t>(i);
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::normal_distribution<float> values;
    const AttentionCase call =
        random_case(rng, {.group = 3}, [&] { return values(rng); });
    expect_deletion_changes_nothing(with_gradients(rng, call, one_in(rng, 2)));
    if (HasFatalFailure()) return;
  }
}

TEST(MaskedGradientsTest, DeletingWhatABiasRemovesChangesNoBit) {
  for (int64_t i = 0; i < cases(100); ++i) {
    const uint32_t seed = kSeed + 10000 + static_cast<uint32_t>(i);
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const AttentionShape shape{.batch = 2, .heads = 2, .q_len = 4, .kv_len = 9};
    AttentionCase call = make_case(rng, shape, random_mask(rng, shape));
    add_bias(rng, call, random_bias_shape(rng, shape));
    for (int64_t j = 0; j < call.bias.size(); ++j) {
      if (one_in(rng, 3)) call.bias.mutable_data<float>()[j] = kMinusInf;
    }
    expect_deletion_changes_nothing(with_gradients(rng, call, true));
    if (HasFatalFailure()) return;
  }
}

// Some keys of each kind: all would take long.
TEST(MaskedGradientsTest, DeletingWhatIsMaskedChangesNoBitOverSeveralFolds) {
  Rng rng(kSeed);
  const AttentionShape shape{
      .batch = 1, .heads = 2, .q_len = 12, .kv_len = 3000};
  const Mask masks[] = {
      causal({.offset = 1018}),  // 1,019 to 1,030 keys
      sliding_window({.left = 1100, .right = 300, .offset = 1200}),
      allow(random_bools(rng, {12, 3000}, 0.5)), ~dilated(3),
      documents(random_ids(rng, {1, 12}, 0), random_ids(rng, {1, 3000}, 0))};
  for (const Mask& mask : masks) {
    AttentionCase call = make_case(rng, shape, mask);
    add_gentle_alibi(call);
    add_bias(rng, call, {12, 3000});
    const GradientCase gradient = with_gradients(rng, call, true);
    const Known known(gradient);
    for_each_row(shape, [&](const RowIndex& row) {
      expect_row_needs_only_its_keys(known, row);
    });
    for (const int64_t key : {0, 99, 100, 1023, 1024, 1029, 1030, 1511, 2999}) {
      expect_key_needs_only_its_queries(known, 0, 0, key);
    }
    if (HasFatalFailure()) return;
  }
}

// dbias, too, whichever axes it is summed over.
TEST(MaskedGradientsTest, DeletingEmptyRowsAndUnseenKeysChangesNoBit) {
  Rng rng(kSeed);
  for (int64_t i = 0; i < cases(160); ++i) {
    SCOPED_TRACE(i);
    const AttentionShape shape = {2, 4, uniform(rng, 2, 70),
                                  uniform(rng, 2, 90)};
    const Gaps gaps = with_gaps(rng, shape.q_len, shape.kv_len);
    if (gaps.kept_queries.empty() || gaps.kept_keys.empty()) continue;
    AttentionCase call = make_case(rng, shape, gaps.mask, {.kv_heads = 2});
    add_bias(rng, call, repeated_bias_shape(shape, i % 16));
    const GradientCase gradient = with_gradients(rng, call, true);
    const PartTaker part(gradient, {.batch = 2,
                                    .kv_heads = 2,
                                    .queries = gaps.kept_queries,
                                    .keys = gaps.kept_keys});
    ASSERT_TRUE(same_bits(part.of(gradient.run()), part.taken().run()));
  }
}

TEST(MaskedGradientsTest, WhatElseIsInTheBatchChangesNoBit) {
  Rng rng(kSeed);
  for (int64_t i = 0; i < cases(60); ++i) {
    SCOPED_TRACE(i);
    const AttentionShape shape = {3, 4, uniform(rng, 1, 70),
                                  uniform(rng, 1, 1200)};
    AttentionCase call =
        make_case(rng, shape, random_mask(rng, shape),
                  {.kv_heads = 2, .head_dim = 2, .value_dim = 3});
    // Of each (batch, head) by itself.
    add_bias(rng, call, repeated_bias_shape(shape, i % 4 * 4));
    const GradientCase gradient = with_gradients(rng, call, true);
    const PartTaker part(gradient, {.batch_begin = uniform(rng, 0, 2),
                                    .kv_head_begin = uniform(rng, 0, 1),
                                    .queries = key_range(0, shape.q_len),
                                    .keys = key_range(0, shape.kv_len)});
    ASSERT_TRUE(same_bits(part.of(gradient.run()), part.taken().run()));
  }
}

}  // namespace
}  // namespace maskwise::testing
