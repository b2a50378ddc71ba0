// The kernels, which walk the plan, against the contract over compacted lists
// of keys, bit for bit: every small mask, and rows longer than a fold.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 20260801;

// Masks number first, first + 1, ... of the 65,536 of 4 queries and 4 keys, one
// for each (batch, head): bit 4q + k of the number is pair (q, k).
Mask boolean_masks(int64_t first, const AttentionShape& shape) {
  Tensor seen(DType::boolean, {shape.batch, shape.heads, 4, 4});
  for (int64_t i = 0; i < seen.size(); ++i) {
    seen.mutable_data<bool>()[i] = ((first + i / 16) >> (i % 16) & 1) != 0;
  }
  return allow(seen);
}

TEST(KernelsTest, EqualsTheContractOnEveryBooleanMaskOfFourByFour) {
  constexpr int64_t kMasks = 65536;
  const AttentionShape shape{.batch = 64, .heads = 64, .q_len = 4, .kv_len = 4};
  constexpr int64_t kMasksOfCall = 64 * 64;
  int64_t rows_without_keys = 0;
  for (int64_t first = 0; first < kMasks; first += kMasksOfCall) {
    SCOPED_TRACE(first);
    Rng rng(kSeed + static_cast<uint32_t>(first));
    const AttentionCase call =
        make_case(rng, shape, boolean_masks(first, shape),
                  {.kv_heads = 64, .head_dim = 3, .value_dim = 2});
    const AttentionResult result = call.run(Backend::reference);
    ASSERT_TRUE(every_isa_gives(call, result));
    const float* lse = result.lse.data<float>();
    rows_without_keys += std::count(lse, lse + result.lse.size(), kMinusInf);
  }
  EXPECT_EQ(rows_without_keys, kMasks * 4 / 16);
}

class LongRowTest : public ::testing::Test {
 protected:
  Rng rng_{kSeed};

  // One head, few dimensions: what is tested is which keys make a fold.
  void expect_equal(const std::string& what, const AttentionShape& shape,
                    const Mask& mask) {
    SCOPED_TRACE(what);
    AttentionCase call =
        make_case(rng_, shape, mask, {.head_dim = 3, .value_dim = 2});
    EXPECT_TRUE(kernel_equals_contract(call));
  }
};

TEST_F(LongRowTest, EqualsTheContractAroundTheEdgesOfFolds) {
  for (const int64_t n : {1023, 1024, 1025, 2047, 2048, 2049, 5000}) {
    const std::string keys = std::to_string(n) + " keys";
    expect_equal("all of " + keys, {1, 1, 3, n}, all());
    expect_equal("gaps among " + keys, {1, 1, 2, n * 3 / 2 + 1},
                 ~dilated(3, {.offset = 1}) & prefix(n + n / 2));
    expect_equal("causal up to " + keys, {1, 1, 70, n},
                 causal({.offset = n - 35}));
  }
}

// Each row sees exactly so many keys, anywhere.
Tensor rows_of(Rng& rng, int64_t kv_len, const std::vector<int64_t>& counts) {
  const auto rows = static_cast<int64_t>(counts.size());
  Tensor seen(DType::boolean, {rows, kv_len});
  std::vector<int64_t> keys(static_cast<size_t>(kv_len));
  std::iota(keys.begin(), keys.end(), 0);
  for (int64_t q = 0; q < rows; ++q) {
    std::ranges::shuffle(keys, rng);
    for (int64_t i = 0; i < counts[static_cast<size_t>(q)]; ++i) {
      seen.mutable_data<bool>()[q * kv_len + keys[static_cast<size_t>(i)]] =
          true;
    }
  }
  return seen;
}

TEST_F(LongRowTest, EqualsTheContractWhereRowsOfABlockStandAtOtherOrdinals) {
  const std::vector<int64_t> counts = {1023, 1024, 1025, 0,    1,    2047,
                                       2048, 2049, 5000, 4999, 1024, 3072};
  expect_equal("exact counts", {1, 1, 12, 5000},
               allow(rows_of(rng_, 5000, counts)));
  for (const double share : {0.21, 0.5, 0.95}) {
    expect_equal("random " + std::to_string(share), {1, 1, 70, 5000},
                 allow(random_bools(rng_, {70, 5000}, share)));
  }
  // The second half of the rows lacks 40 keys in the first fold.
  Tensor seen = random_bools(rng_, {64, 2500}, 1);
  for (int64_t q = 32; q < 64; ++q) {
    std::fill_n(seen.mutable_data<bool>() + q * 2500 + 100, 40, false);
  }
  expect_equal("one gap", {1, 1, 64, 2500}, allow(seen));
}

TEST_F(LongRowTest, EqualsTheContractOnWindowsWiderThanAFold) {
  expect_equal("window of 1500 while it fills", {1, 1, 200, 5000},
               sliding_window({.left = 1499, .right = 0, .offset = 1400}));
  expect_equal("window of 1500 in the middle", {1, 1, 130, 5000},
               sliding_window({.left = 1499, .right = 0, .offset = 3000}));
  expect_equal("window of 1500 at the end", {1, 1, 200, 5000},
               sliding_window({.left = 1499, .right = 0, .offset = 4900}));
  expect_equal("window to both sides", {1, 1, 130, 4000},
               sliding_window({.left = 700, .right = 800, .offset = 1000}));
  expect_equal(
      "window after a prefix", {1, 1, 130, 4000},
      causal({.offset = 2500}) &
          (sliding_window({.left = 1200, .offset = 2500}) | prefix(4)));
  expect_equal("window of 1500 over 5000", {1, 1, 5000, 5000},
               sliding_window({.left = 1499, .right = 0}));
}

TEST_F(LongRowTest, EqualsTheContractWhereWordsMeetFolds) {
  Tensor ids(DType::i64, {1, 3000});
  for (int64_t i = 0; i < 3000; ++i) {
    ids.mutable_data<int64_t>()[i] = i < 1100 ? 0 : i < 1200 ? -1 : 1;
  }
  expect_equal("long documents", {1, 1, 3000, 3000}, documents(ids) & causal());
  expect_equal("a stride", {1, 1, 66, 4000}, dilated(3));
  expect_equal("chunks", {1, 1, 100, 4000},
               chunked(1500, {.offset = 1450}) | prefix(30));
  const AttentionShape two{.batch = 2, .heads = 2, .q_len = 65, .kv_len = 2600};
  expect_equal("two items and heads", two,
               per_batch({lengths({1025, 2100}), causal({.offset = 2000})}) &
                   per_head({all(), ~dilated(5)}));
}

// Of both kinds of outputs over pairs, and with everything that adds to scores.
TEST_F(LongRowTest, EqualsTheContractWithEveryOption) {
  for (const Scores stage : {Scores::raw, Scores::capped, Scores::biased}) {
    AttentionCase call =
        make_case(rng_, {1, 4, 20, 2300}, causal({.offset = 2280}),
                  {.kv_heads = 2, .head_dim = 5, .value_dim = 3});
    add_bias(rng_, call, {4, 1, 2300});
    add_gentle_alibi(call);
    call.options.softcap = 3;
    call.options.scores = stage;
    EXPECT_TRUE(kernel_equals_contract(call));
  }
}

}  // namespace
}  // namespace maskwise::testing
