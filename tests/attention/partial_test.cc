// Parts of the keys, merged, are one call: bit for bit where the parts hold
// whole folds, and within rounding anywhere else.
#include "maskwise/partial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_oracle.h"
#include "tests/support/attention_rows.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 3072;
constexpr int64_t kFold = 1024;
constexpr int64_t kKeys = 3000;
constexpr int64_t kRows = 70;  // more than one block

// [begins[i], begins[i + 1]) are the keys of part i.
using Cuts = std::vector<int64_t>;

const std::vector<Cuts>& cuts_at_folds() {
  static const std::vector<Cuts> kCuts = {{0, kFold, 2 * kFold, kKeys},
                                          {0, 2 * kFold, kKeys}};
  return kCuts;
}

AttentionCase long_case(const Mask& mask) {
  Rng rng(kSeed);
  AttentionCase call =
      make_case(rng, {2, 4, kRows, kKeys}, mask,
                {.kv_heads = 2, .head_dim = 3, .value_dim = 5});
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  return call;
}

// The last row sees all keys.
Mask causal_at_the_end() { return causal({.offset = kKeys - kRows}); }

PartialAttention run_partial(const AttentionCase& call, Backend backend) {
  return attention_partial(call.q, call.k, call.v,
                           compile(call.mask.bind(call.shape)),
                           call.options_for(backend));
}

// The case over keys [begin, end) alone, said by the mask.
AttentionCase part_of(const AttentionCase& call, int64_t begin, int64_t end) {
  AttentionCase part = call;
  part.mask = call.mask & prefix(end) & ~prefix(begin);
  return part;
}

PartialAttention merged_parts(const AttentionCase& call, const Cuts& cuts,
                              Backend backend) {
  PartialAttention sums = run_partial(part_of(call, cuts[0], cuts[1]), backend);
  for (size_t i = 1; i + 1 < cuts.size(); ++i) {
    merge(sums, run_partial(part_of(call, cuts[i], cuts[i + 1]), backend));
  }
  return sums;
}

AttentionResult in_parts(const AttentionCase& call, const Cuts& cuts,
                         Backend backend = Backend::cpu) {
  return finish(merged_parts(call, cuts, backend), call.q.dtype());
}

// On every ISA, and on the reference, parts give `expected`.
::testing::AssertionResult every_backend_gives(
    AttentionCase call, const Cuts& cuts, const AttentionResult& expected) {
  for (const IsaInfo& info : devices().isas()) {
    if (!info.available) continue;
    call.options.isa = info.isa;
    const auto same = same_bits(in_parts(call, cuts), expected);
    if (!same) {
      return ::testing::AssertionFailure()
             << "on " << info.name << ": " << same.message();
    }
  }
  return same_bits(in_parts(call, cuts, Backend::reference), expected);
}

void expect_bits_of_one_call(const AttentionCase& call) {
  const AttentionResult expected = call.run(Backend::reference);
  for (const Cuts& cuts : cuts_at_folds()) {
    EXPECT_TRUE(every_backend_gives(call, cuts, expected))
        << cuts.size() - 1 << " parts";
  }
}

TEST(PartialTest, CausalPartsOfWholeFoldsGiveTheBitsOfOneCall) {
  expect_bits_of_one_call(long_case(causal_at_the_end()));
  // Some rows see less than the first part, some a little more.
  expect_bits_of_one_call(long_case(causal({.offset = kFold - 30})));
}

TEST(PartialTest, PaddedPartsOfWholeFoldsGiveTheBitsOfOneCall) {
  expect_bits_of_one_call(
      long_case(causal_at_the_end() & lengths({kKeys, 700})));
  expect_bits_of_one_call(long_case(lengths({2 * kFold + 1, 0})));
}

// Each row sees the first fold of keys, and a window of at most a fold.
TEST(PartialTest, WindowsBehindAPrefixOfAFoldGiveTheBitsOfOneCall) {
  const AttentionCase call =
      long_case(causal_at_the_end() &
                (prefix(kFold) |
                 sliding_window({.left = kFold - 1, .offset = kKeys - kRows})));
  EXPECT_TRUE(every_backend_gives(call, {0, kFold, kKeys},
                                  call.run(Backend::reference)));
}

// Whether the promise of merge() holds for a row.
bool has_whole_folds(const BoundMask& mask, const RowIndex& row,
                     const Cuts& cuts) {
  std::vector<int64_t> seen;
  for (size_t i = 0; i + 1 < cuts.size(); ++i) {
    int64_t keys = 0;
    for (int64_t k = cuts[i]; k < cuts[i + 1]; ++k) {
      keys += mask.allowed(row.b, row.h, row.q, k) ? 1 : 0;
    }
    if (keys > 0) seen.push_back(keys);
  }
  if (seen.empty()) return true;
  const auto is_whole = [](int64_t keys) { return keys % kFold == 0; };
  return std::all_of(seen.begin(), seen.end() - 1, is_whole) &&
         std::all_of(seen.begin() + 1, seen.end(),
                     [](int64_t keys) { return keys <= kFold; });
}

// A window that a cut goes through: row by row what the header promises.
TEST(PartialTest, WindowsKeepTheBitsOfTheRowsWhosePartsHoldWholeFolds) {
  const AttentionCase call =
      long_case(sliding_window({.left = 1500, .right = 0, .offset = 1000}));
  const Cuts cuts = {0, 1023, 1040, kKeys};
  const BoundMask mask = call.mask.bind(call.shape);
  const AttentionResult expected = call.run(Backend::reference);
  const AttentionResult found = in_parts(call, cuts);
  int64_t promised = 0;
  for_each_row(call.shape, [&](const RowIndex& row) {
    if (!has_whole_folds(mask, row, cuts)) return;
    ++promised;
    EXPECT_TRUE(same_bits(rows_of(found, Layout::bhld, row),
                          rows_of(expected, Layout::bhld, row)))
        << "row " << row.q;
  });
  EXPECT_EQ(promised, 2 * 4 * 23);  // the rows that see at most 1,023 keys
}

// Both sides are within the gate of the truth, but for the merges: each part
// adds at most two roundings to a sum, and three parts less than the 4 u that
// the gate begins with.
TEST(PartialTest, AnyPartsAreExactUpToRounding) {
  for (const Mask& mask :
       {causal_at_the_end(),
        sliding_window({.left = 1500, .right = 0, .offset = kKeys - kRows})}) {
    const AttentionCase call = long_case(mask);
    const detail::OracleResult oracle = oracle_of(call);
    for (const Cuts& cuts :
         {Cuts{0, 1, 2999, kKeys}, Cuts{0, 1000, 2000, kKeys},
          Cuts{0, kFold, kFold, kKeys}}) {
      for (const Backend backend : {Backend::cpu, Backend::reference}) {
        const AttentionResult found = in_parts(call, cuts, backend);
        for (int64_t i = 0; i < found.o.size(); ++i) {
          const auto at = static_cast<size_t>(i);
          ASSERT_NEAR(static_cast<double>(found.o.data<float>()[i]),
                      oracle.o[at], 2 * oracle.gate[at]);
        }
      }
    }
  }
}

TEST(PartialTest, EveryOptionWorksInParts) {
  Rng rng(kSeed);
  AttentionCase call = long_case(causal_at_the_end());
  call.options.scale = -0.7F;
  call.options.softcap = 3;
  add_bias(rng, call, {kRows, kKeys});
  // A bias of -inf removes its key: here, the first row of the next fold's.
  for (int64_t q = 0; q < kRows; ++q) {
    call.bias.mutable_data<float>()[q * kKeys + 2 * kFold] = kMinusInf;
  }
  add_gentle_alibi(call);
  expect_bits_of_one_call(call);
}

// Keys of a part in memory of its own: the mask and ALiBi are told where it
// begins.
TEST(PartialTest, PartsMayLieInMemoryOfTheirOwn) {
  AttentionCase call = long_case(causal_at_the_end());
  add_gentle_alibi(call);
  std::vector<int64_t> q_at;
  for (int64_t q = 0; q < kRows; ++q) q_at.push_back(kKeys - kRows + q);
  call.q_positions = Tensor::from({kRows}, q_at);
  PartialAttention sums;
  for (const int64_t begin : {int64_t{0}, kFold, 2 * kFold}) {
    const int64_t size = std::min(kFold, kKeys - begin);
    AttentionCase part = call;
    part.shape.kv_len = size;
    part.mask = causal({.offset = kKeys - kRows - begin});
    part.k = part.own(Tensor::copy_of(narrowed(call.k, 2, begin, size)));
    part.v = part.own(Tensor::copy_of(narrowed(call.v, 2, begin, size)));
    part.kv_positions = Tensor::from({size}, key_range(begin, size));
    const PartialAttention of_part = run_partial(part, Backend::cpu);
    if (begin == 0) {
      sums = of_part;
    } else {
      merge(sums, of_part);
    }
  }
  EXPECT_TRUE(same_bits(finish(sums), call.run(Backend::reference)));
}

TEST(PartialTest, HalfTypesAndTheOtherLayoutGiveTheBitsOfOneCall) {
  Rng rng(kSeed);
  AttentionCase call;
  call.shape = {2, 4, kRows, kKeys};
  call.mask = causal_at_the_end();
  call.options.layout = Layout::blhd;
  call.q = call.own(from_f32(normal(rng, {2, kRows, 4, 6}), DType::bf16));
  call.k = call.own(from_f32(normal(rng, {2, kKeys, 2, 6}), DType::f16));
  call.v = call.own(from_f32(normal(rng, {2, kKeys, 2, 7}), DType::f16));
  expect_bits_of_one_call(call);
  const PartialAttention sums = run_partial(call, Backend::cpu);
  EXPECT_EQ(sums.a.dtype(), DType::f32);
  EXPECT_EQ(sums.a.shape(), (Shape{2, kRows, 4, 7}));
  EXPECT_EQ(finish(sums).o.dtype(), DType::f32);
}

// As many heads as queries: the shape of a says nothing of its layout.
TEST(PartialTest, TheLayoutIsNotGuessedFromShapes) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, {2, 4, 4, 1500}, all());
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  call.options.layout = Layout::blhd;
  call.k = call.own(normal(rng, {2, 1500, 2, 4}));
  call.v = call.own(normal(rng, {2, 1500, 2, 4}));
  EXPECT_TRUE(same_bits(in_parts(call, {0, kFold, 1500}), call.run()));
}

Tensor poisoned(const TensorView& view, int64_t key, float value) {
  Tensor tensor = Tensor::copy_of(view);
  const int64_t width = tensor.dim(3);
  for (int64_t row = key; row < tensor.size() / width; row += tensor.dim(2)) {
    std::fill_n(tensor.mutable_data<float>() + row * width, width, value);
  }
  return tensor;
}

// The key is seen by half of the rows.
TEST(PartialTest, NanInAnyPartStaysAndSpreadsToNoOtherRow) {
  for (const float value : {kNan, kInf}) {
    for (const int64_t offset : {kFold - 35, 2 * kFold - 35}) {
      AttentionCase call = long_case(causal({.offset = offset}));
      const TensorView k = call.k;
      call.k = call.own(poisoned(k, offset + 35, value));
      expect_bits_of_one_call(call);
      call.k = k;
      call.v = call.own(poisoned(call.v, offset + 35, value));
      expect_bits_of_one_call(call);
    }
  }
}

TEST(PartialTest, ANanRowIsStoredAsNan) {
  AttentionCase call = long_case(all());
  call.k = call.own(poisoned(call.k, 5, kNan));
  const PartialAttention sums =
      merged_parts(call, {0, kFold, kKeys}, Backend::cpu);
  EXPECT_EQ(bits_of(sums.a, 0), "0x7fc00000");
  EXPECT_EQ(bits_of(sums.m, 0), "0x7fc00000");
  EXPECT_EQ(bits_of(sums.l, 0), "0x7fc00000");
}

TEST(PartialTest, HiddenContentsOfAPartChangeNoBit) {
  AttentionCase call = long_case(causal({.offset = kFold - 30}));
  const AttentionResult expected = call.run(Backend::reference);
  for (const int64_t key : {kFold + 40, kKeys - 1}) {
    for (const float value : {kNan, kInf, 1e30F}) {
      call.k = call.own(poisoned(call.k, key, value));
      call.v = call.own(poisoned(call.v, key, value));
    }
  }
  EXPECT_TRUE(every_backend_gives(call, cuts_at_folds()[0], expected));
}

::testing::AssertionResult same_sums(const PartialAttention& x,
                                     const PartialAttention& y) {
  for (const Tensor PartialAttention::*each :
       {&PartialAttention::a, &PartialAttention::m, &PartialAttention::l}) {
    const auto same = same_bits(x.*each, y.*each);
    if (!same) return same;
  }
  return ::testing::AssertionSuccess();
}

TEST(PartialTest, MergingWithAPartThatNoRowSeesChangesNoBit) {
  const AttentionCase call = long_case(causal_at_the_end());
  AttentionCase nothing = call;
  nothing.mask = none();
  for (const Backend backend : {Backend::cpu, Backend::reference}) {
    const PartialAttention sums = run_partial(call, backend);
    PartialAttention before = run_partial(nothing, backend);
    EXPECT_EQ(before.m.data<float>()[0], kFinfoMin);
    EXPECT_EQ(bits_of(before.a, 0), "0x0");
    merge(before, sums);
    EXPECT_TRUE(same_sums(before, sums));
    PartialAttention behind = run_partial(call, backend);
    merge(behind, run_partial(nothing, backend));
    EXPECT_TRUE(same_sums(behind, sums));
  }
}

TEST(PartialTest, RowsThatSeeNothingAreAbsent) {
  AttentionCase call = long_case(none());
  EXPECT_TRUE(same_bits(in_parts(call, {0, kFold, kKeys}), call.run()));
}

TEST(PartialTest, APartMayBeMergedWithItself) {
  const AttentionCase call = long_case(causal_at_the_end());
  PartialAttention sums = run_partial(call, Backend::cpu);
  merge(sums, sums);
  const AttentionResult twice = finish(sums);
  const AttentionResult once = call.run();
  EXPECT_TRUE(same_bits(twice.o, once.o));  // l and a are exactly twice as much
  EXPECT_TRUE(same_bits(twice.m, once.m));
}

TEST(PartialTest, FinishLeavesThePartAsItWas) {
  const AttentionCase call = long_case(causal_at_the_end());
  const PartialAttention sums = run_partial(call, Backend::cpu);
  const AttentionResult first = finish(sums);
  EXPECT_TRUE(same_bits(finish(sums), first));
  EXPECT_FALSE(first.weights.defined());
  EXPECT_FALSE(first.scores.defined());
}

TEST(PartialTest, EmptyAxesMerge) {
  Rng rng(kSeed);
  for (const AttentionShape& shape :
       {AttentionShape{0, 2, 3, 4}, AttentionShape{2, 2, 0, 4},
        AttentionShape{2, 2, 3, 0}}) {
    AttentionCase call = make_case(rng, shape, all());
    call.options.weights = Weights::none;
    call.options.scores = Scores::none;
    EXPECT_TRUE(same_bits(in_parts(call, {0, 2, 4}), call.run()));
  }
}

}  // namespace
}  // namespace maskwise::testing
