// What is masked may hold anything: it changes no bit of any gradient.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "tests/support/attention_random.h"
#include "tests/support/known_gradients.h"
#include "tests/support/poison.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 4713;

GradientCase with_everything(Rng& rng, const AttentionShape& shape,
                             const Mask& mask) {
  AttentionCase call =
      make_case(rng, shape, mask, {.kv_heads = shape.heads / 2});
  add_bias(rng, call, {shape.batch, shape.heads, shape.q_len, shape.kv_len});
  add_gentle_alibi(call);
  call.options.softcap = 4;
  return with_gradients(rng, call, true);
}

// A copy of a [.., rows, width] tensor, or of one with width 1, with `value`
// in the rows that `is_poisoned` picks by their number.
template <typename IsPoisoned>
TensorView with_poison(AttentionCase& owner, const TensorView& view,
                       int64_t width, float value, IsPoisoned is_poisoned) {
  Tensor copy = Tensor::copy_of(view);
  for (int64_t row = 0; row < copy.size() / width; ++row) {
    if (!is_poisoned(row)) continue;
    std::fill_n(copy.mutable_data<float>() + row * width, width, value);
  }
  return owner.own(copy);
}

// `value` in k and v of keys that nobody sees, in q, d_o and d_lse of rows that
// see nothing, and in the bias of every masked pair.
GradientCase poisoned(const Known& known, float value) {
  GradientCase result = known.of;
  AttentionCase& call = result.call;
  const auto& [batch, heads, q_len, kv_len] = call.shape;
  const auto is_empty = [&](int64_t row) {
    return known.pairs
        .keys_of({row / q_len / heads, row / q_len % heads, row % q_len})
        .empty();
  };
  const auto is_unseen = [&](int64_t key) {
    return known
        .queries_of(key / kv_len / known.kv_heads,
                    key / kv_len % known.kv_heads, key % kv_len)
        .empty();
  };
  const auto is_masked = [&](int64_t pair) {
    const int64_t row = pair / kv_len;
    return !known.pairs.sees(
        {row / q_len / heads, row / q_len % heads, row % q_len}, pair % kv_len);
  };
  call.q = with_poison(call, call.q, call.q.dim(3), value, is_empty);
  call.k = with_poison(call, call.k, call.k.dim(3), value, is_unseen);
  call.v = with_poison(call, call.v, call.v.dim(3), value, is_unseen);
  result.d_o = with_poison(call, result.d_o, call.v.dim(3), value, is_empty);
  result.d_lse = with_poison(call, result.d_lse, 1, value, is_empty);
  const TensorView bias = with_poison(call, call.bias, 1, value, is_masked);
  call.bias = Tensor::copy_of(bias);
  return result;
}

TEST(PoisonedGradientsTest, PoisonOfSixKindsInWhatIsMaskedChangesNoBit) {
  Rng rng(kSeed);
  for (int64_t i = 0; i < cases(60); ++i) {
    const AttentionShape shape = {2, 4, uniform(rng, 2, 70),
                                  uniform(rng, 2, 40)};
    const GradientCase gradient =
        with_everything(rng, shape,
                        with_gaps(rng, shape.q_len, shape.kv_len).mask &
                            random_mask(rng, shape));
    const Known known(gradient);
    for (const Poison& poison : kPoisons) {
      SCOPED_TRACE(::testing::Message() << i << ", " << poison.name);
      ASSERT_TRUE(
          same_bits(poisoned(known, poison.value()).run(), known.gradients));
    }
  }
}

// The case with `value` in k and v of one key of every head and item.
GradientCase with_poisoned_key(const GradientCase& clean, int64_t key,
                               float value) {
  GradientCase result = clean;
  AttentionCase& call = result.call;
  const auto is_key = [&](int64_t row) {
    return row % call.shape.kv_len == key;
  };
  call.k = with_poison(call, call.k, call.k.dim(3), value, is_key);
  call.v = with_poison(call, call.v, call.v.dim(3), value, is_key);
  return result;
}

// Only who meets the key may notice: rows that see it, and keys that those see.
// How many gradients are held against each other.
int64_t expect_only_those_who_meet_it_notice(const Known& clean,
                                             const Known& changed,
                                             int64_t key) {
  int64_t compared = 0;
  for_each_row(clean.of.call.shape, [&](const RowIndex& row) {
    if (clean.pairs.sees(row, key)) return;
    ++compared;
    ASSERT_TRUE(same_bits(row_at(clean.dq, row.b, row.h, row.q),
                          row_at(changed.dq, row.b, row.h, row.q)));
  });
  for (int64_t b = 0; b < clean.of.call.shape.batch; ++b) {
    for (int64_t h = 0; h < clean.kv_heads; ++h) {
      const Indices met = clean.keys_of(b, h, clean.queries_of(b, h, key));
      for (int64_t other = 0; other < clean.of.call.shape.kv_len; ++other) {
        if (std::ranges::binary_search(met, other)) continue;
        ++compared;
        EXPECT_TRUE(same_bits(row_at(clean.dk, b, h, other),
                              row_at(changed.dk, b, h, other)));
        EXPECT_TRUE(same_bits(row_at(clean.dv, b, h, other),
                              row_at(changed.dv, b, h, other)));
      }
    }
  }
  return compared;
}

TEST(PoisonedGradientsTest, PoisonInAKeyReachesOnlyWhatMeetsIt) {
  int64_t compared = 0;
  for (int64_t i = 0; i < cases(40); ++i) {
    Rng rng(kSeed + static_cast<uint32_t>(i));
    const AttentionShape shape{.batch = 2, .heads = 4, .q_len = 5, .kv_len = 9};
    const Known clean(with_everything(rng, shape, random_mask(rng, shape)));
    for (const Poison& poison : kPoisons) {
      for (int64_t key = 0; key < shape.kv_len; ++key) {
        SCOPED_TRACE(::testing::Message()
                     << i << ", " << poison.name << ", key " << key);
        const GradientCase dirty =
            with_poisoned_key(clean.of, key, poison.value());
        compared +=
            expect_only_those_who_meet_it_notice(clean, Known(dirty), key);
        if (HasFailure()) return;
      }
    }
  }
  std::printf("%lld gradients\n", static_cast<long long>(compared));
  EXPECT_GT(compared, 0);
}

// The first key is seen by the first row alone, key 2,500 by the last ones.
TEST(PoisonedGradientsTest, PoisonReachesOnlyWhatMeetsItOverSeveralFolds) {
  Rng rng(kSeed);
  const AttentionShape shape{
      .batch = 1, .heads = 2, .q_len = 66, .kv_len = 2600};
  const Known clean(with_everything(
      rng, shape,
      sliding_window({.left = 1100, .right = 0, .offset = 1100}) |
          sliding_window({.left = 0, .right = 20, .offset = 2450})));
  for (const Poison& poison : kPoisons) {
    for (const int64_t key : {0, 2500}) {
      SCOPED_TRACE(::testing::Message() << poison.name << ", key " << key);
      const GradientCase dirty =
          with_poisoned_key(clean.of, key, poison.value());
      EXPECT_GT(expect_only_those_who_meet_it_notice(clean, Known(dirty), key),
                60);
    }
  }
}

// A row's d_o is poisoned: its dq, and dk and dv of what it sees, may notice.
TEST(PoisonedGradientsTest, PoisonInTheGradientOfARowReachesOnlyWhatItSees) {
  for (int64_t i = 0; i < cases(40); ++i) {
    Rng rng(kSeed + static_cast<uint32_t>(i));
    const AttentionShape shape{.batch = 2, .heads = 4, .q_len = 5, .kv_len = 9};
    const Known clean(with_everything(rng, shape, random_mask(rng, shape)));
    for (const Poison& poison : kPoisons) {
      const RowIndex at = {uniform(rng, 0, 1), uniform(rng, 0, 3),
                           uniform(rng, 0, 4)};
      SCOPED_TRACE(::testing::Message() << i << ", " << poison.name);
      GradientCase dirty = clean.of;
      const int64_t number = (at.b * 4 + at.h) * 5 + at.q;
      dirty.d_o = with_poison(dirty.call, dirty.d_o, 4, poison.value(),
                              [&](int64_t row) { return row == number; });
      const Known changed(dirty);
      for_each_row(shape, [&](const RowIndex& row) {
        if (row.b == at.b && row.h == at.h && row.q == at.q) return;
        ASSERT_TRUE(same_bits(row_at(clean.dq, row.b, row.h, row.q),
                              row_at(changed.dq, row.b, row.h, row.q)));
      });
      clean.for_each_key([&](int64_t b, int64_t kv_head, int64_t key) {
        const bool is_its_head = b == at.b && kv_head == at.h / clean.group;
        if (is_its_head && clean.pairs.sees(at, key)) return;
        ASSERT_TRUE(same_bits(row_at(clean.dk, b, kv_head, key),
                              row_at(changed.dk, b, kv_head, key)));
        ASSERT_TRUE(same_bits(row_at(clean.dv, b, kv_head, key),
                              row_at(changed.dv, b, kv_head, key)));
      });
      if (HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
