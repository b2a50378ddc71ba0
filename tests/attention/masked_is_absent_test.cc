// The promise of the library: what is masked is absent. Deleting it, or
// putting anything in its place, changes no bit.
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdio>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_random.h"
#include "tests/support/attention_rows.h"
#include "tests/support/poison.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 4711;

// The bias of a row, [1, 1, 1, Lk].
Tensor bias_row(const AttentionCase& call, const RowIndex& row) {
  const auto& [batch, heads, q_len, kv_len] = call.shape;
  return rows_of(call.bias.view().broadcast_to({batch, heads, q_len, kv_len}),
                 row);
}

// The keys that a row sees: allowed, and without a bias of -inf.
std::vector<int64_t> seen_by(const AttentionCase& call, const RowIndex& row,
                             const BoundMask& mask) {
  const Tensor bias = call.bias.defined() ? bias_row(call, row) : Tensor();
  std::vector<int64_t> keys;
  for (int64_t k = 0; k < call.shape.kv_len; ++k) {
    if (!mask.allowed(row.b, row.h, row.q, k)) continue;
    if (bias.defined() && bias.data<float>()[k] == kMinusInf) continue;
    keys.push_back(k);
  }
  return keys;
}

// The call of one row in a world without its masked keys. Positions for ALiBi
// are those from before the deletion.
AttentionCase without_masked_keys(const AttentionCase& call,
                                  const RowIndex& row,
                                  const std::vector<int64_t>& keys) {
  AttentionCase alone;
  alone.options = call.options;
  alone.options.layout = Layout::bhld;
  const auto n = static_cast<int64_t>(keys.size());
  alone.shape = {1, 1, 1, n};
  const TensorView k = as_bhld(call, call.k);
  const TensorView v = as_bhld(call, call.v);
  const int64_t kv_head = row.h / (call.shape.heads / k.dim(1));
  const RowIndex memory{row.b, kv_head, 0};
  const int64_t all_keys = call.shape.kv_len;
  alone.q = alone.own(rows_of(as_bhld(call, call.q), row));
  alone.k = alone.own(gathered(rows_of(k, memory, all_keys), 2, keys));
  alone.v = alone.own(gathered(rows_of(v, memory, all_keys), 2, keys));
  if (call.bias.defined()) alone.bias = gathered(bias_row(call, row), 3, keys);
  if (!call.alibi_slopes.defined()) return alone;
  const auto slope = call.alibi_slopes.data<float>()[row.h];
  alone.alibi_slopes = Tensor::from<float>({1}, {slope});
  const auto q_position = positions_of(
      call.q_positions, row.b, call.shape.q_len)[static_cast<size_t>(row.q)];
  alone.q_positions = Tensor::from<int64_t>({1}, {q_position});
  const std::vector<int64_t> before =
      positions_of(call.kv_positions, row.b, all_keys);
  std::vector<int64_t> kept;
  for (const int64_t key : keys) {
    kept.push_back(before[static_cast<size_t>(key)]);
  }
  alone.kv_positions = Tensor::from({n}, kept);
  return alone;
}

// Every masked pair weighs +0 and scores -inf.
void expect_masked_pairs_hold_nothing(const AttentionResult& row,
                                      const std::vector<int64_t>& seen) {
  std::vector<bool> is_seen(static_cast<size_t>(row.weights.dim(3)), false);
  for (const int64_t key : seen) is_seen[static_cast<size_t>(key)] = true;
  for (size_t k = 0; k < is_seen.size(); ++k) {
    if (is_seen[k]) continue;
    const auto at = static_cast<int64_t>(k);
    ASSERT_EQ(bits_of(row.weights, at), "0x0") << "key " << k;
    if (row.scores.defined()) {
      ASSERT_EQ(bits_of(row.scores, at), "0xff800000") << "key " << k;
    }
  }
}

// Row by row.
void expect_deletion_changes_nothing(const AttentionCase& call) {
  const AttentionResult result = call.run();
  const BoundMask mask = call.mask.bind(call.shape);
  for_each_row(call.shape, [&](const RowIndex& row) {
    SCOPED_TRACE(::testing::Message()
                 << "row " << row.b << " " << row.h << " " << row.q);
    const AttentionResult full = rows_of(result, call.options.layout, row);
    const std::vector<int64_t> seen = seen_by(call, row, mask);
    const AttentionResult alone = without_masked_keys(call, row, seen).run();
    ASSERT_TRUE(same_bits(with_keys(full, seen), alone));
    expect_masked_pairs_hold_nothing(full, seen);
  });
}

TEST(MaskedIsAbsentTest, DeletingMaskedKeysChangesNoBit) {
  for (int64_t i = 0; i < cases(400); ++i) {
    const uint32_t seed = kSeed + static_cast<uint32_t>(i);
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::normal_distribution<float> values;
    expect_deletion_changes_nothing(
        random_case(rng, {.group = 3}, [&] { return values(rng); }));
    if (HasFatalFailure()) return;
  }
}

TEST(MaskedIsAbsentTest, DeletingKeysRemovedByABiasChangesNoBit) {
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
    expect_deletion_changes_nothing(call);
    if (HasFatalFailure()) return;
  }
}

TEST(MaskedIsAbsentTest, DeletingMaskedKeysChangesNoBitOverSeveralFolds) {
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
    expect_deletion_changes_nothing(call);
    if (HasFatalFailure()) return;
  }
}

// Keys of the case that are poisoned in k and v.
using Keys = std::vector<int64_t>;

void fill_keys(Tensor& tensor, const Keys& keys, float value) {
  const int64_t width = tensor.dim(3);
  const int64_t rows = tensor.dim(2);
  for (int64_t i = 0; i < tensor.dim(0) * tensor.dim(1); ++i) {
    for (const int64_t key : keys) {
      std::fill_n(tensor.mutable_data<float>() + (i * rows + key) * width,
                  width, value);
    }
  }
}

// The case with `value` in k and v of the keys, and in the bias (of shape
// [B, H, Lq, Lk]) of every masked pair.
AttentionCase poisoned(const AttentionCase& call, const Keys& keys,
                       float value) {
  AttentionCase result = call;
  Tensor k = Tensor::copy_of(call.k);
  Tensor v = Tensor::copy_of(call.v);
  result.bias = call.bias.clone();
  fill_keys(k, keys, value);
  fill_keys(v, keys, value);
  const Tensor allowed = call.mask.bind(call.shape).to_dense();
  for (int64_t i = 0; i < allowed.size(); ++i) {
    if (allowed.data<bool>()[i]) continue;
    result.bias.mutable_data<float>()[i] = value;
  }
  result.k = result.own(k);
  result.v = result.own(v);
  return result;
}

// Rows that see none of the keys keep every bit; how many those are.
int64_t expect_poison_is_not_seen(const AttentionCase& call, const Keys& keys,
                                  float value) {
  const AttentionResult clean = call.run();
  const AttentionResult result = poisoned(call, keys, value).run();
  const BoundMask mask = call.mask.bind(call.shape);
  int64_t rows = 0;
  for_each_row(call.shape, [&](const RowIndex& row) {
    for (const int64_t key : keys) {
      if (mask.allowed(row.b, row.h, row.q, key)) return;
    }
    ++rows;
    ASSERT_TRUE(same_bits(rows_of(result, Layout::bhld, row),
                          rows_of(clean, Layout::bhld, row)))
        << "row " << row.b << " " << row.h << " " << row.q;
  });
  return rows;
}

AttentionCase with_everything(Rng& rng, const AttentionShape& shape,
                              const Mask& mask) {
  AttentionCase call =
      make_case(rng, shape, mask, {.kv_heads = shape.heads / 2});
  add_bias(rng, call, {shape.batch, shape.heads, shape.q_len, shape.kv_len});
  add_gentle_alibi(call);
  call.options.softcap = 4;
  return call;
}

TEST(MaskedIsAbsentTest, PoisonOfSixKindsInMaskedKeysValuesAndBiasIsNotSeen) {
  int64_t rows = 0;
  for (int64_t i = 0; i < cases(40); ++i) {
    const uint32_t seed = kSeed + static_cast<uint32_t>(i);
    Rng rng(seed);
    const AttentionShape shape{.batch = 2, .heads = 4, .q_len = 5, .kv_len = 9};
    const AttentionCase call =
        with_everything(rng, shape, random_mask(rng, shape));
    for (const auto& [name, bits] : kPoisons) {
      for (int64_t key = 0; key < shape.kv_len; ++key) {
        SCOPED_TRACE(::testing::Message()
                     << "seed " << seed << ", " << name << ", key " << key);
        rows +=
            expect_poison_is_not_seen(call, {key}, std::bit_cast<float>(bits));
        if (HasFatalFailure()) return;
      }
    }
  }
  std::printf("%lld poisoned rows\n", static_cast<long long>(rows));
  EXPECT_GT(rows, 0);
}

TEST(MaskedIsAbsentTest, PoisonIsNotSeenOverSeveralFolds) {
  Rng rng(kSeed);
  const AttentionShape shape{
      .batch = 1, .heads = 2, .q_len = 66, .kv_len = 2600};
  const AttentionCase call = with_everything(
      rng, shape,
      sliding_window({.left = 1100, .right = 0, .offset = 1400}) &
          ~(dilated(7)));
  for (const auto& [name, bits] : kPoisons) {
    SCOPED_TRACE(name);
    const auto value = std::bit_cast<float>(bits);
    // The first row sees neither the last key of the last row nor what follows;
    // the last row has left the first key of the first row behind.
    Keys after = key_range(1410, 2600 - 1410);
    after.push_back(0);
    EXPECT_GT(expect_poison_is_not_seen(call, after, value), 15);
    EXPECT_GT(expect_poison_is_not_seen(call, key_range(0, 340), value), 15);
  }
}

}  // namespace
}  // namespace maskwise::testing
