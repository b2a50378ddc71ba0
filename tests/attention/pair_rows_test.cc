// Weights and scores of chosen rows are those rows of the weights and scores of
// all, bit for bit.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"
#include "tests/support/attention_rows.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 35;

using Rows = std::vector<int64_t>;

// Every kernel, and the reference, give for these rows what the reference gives
// for them among all.
::testing::AssertionResult chosen_are_rows_of_all(AttentionCase call,
                                                  const Rows& rows) {
  AttentionResult expected = call.run(Backend::reference);
  for (Tensor* pairs : {&expected.weights, &expected.scores}) {
    if (pairs->defined()) *pairs = gathered(*pairs, 2, rows);
  }
  call.options.pair_rows = rows;
  const auto same = kernel_equals_contract(call);
  if (!same) return same;
  return same_bits(call.run(Backend::reference), expected);
}

TEST(PairRowsTest, RowsOfRandomCallsAreThoseOfAll) {
  for (uint32_t seed = kSeed; seed < kSeed + cases(150); ++seed) {
    Rng rng(seed);
    std::normal_distribution<float> next;
    const AttentionCase call =
        random_case(rng, {.q_len = 90, .kv_len = 140, .dim = 20},
                    [&] { return next(rng); });
    Rows rows;
    const int64_t share = uniform(rng, 1, 30);
    for (int64_t q = 0; q < call.shape.q_len; ++q) {
      if (one_in(rng, share)) rows.push_back(q);
    }
    if (rows.empty()) rows = {call.shape.q_len - 1};
    ASSERT_TRUE(chosen_are_rows_of_all(call, rows)) << "seed " << seed;
  }
}

// Blocks with rows at their ends, with one, and with none; rows of three folds.
TEST(PairRowsTest, RowsOfSeveralFoldsAreThoseOfAll) {
  for (const Mask& mask :
       {causal({.offset = 2400}), lengths({2300}) & ~dilated(5, {.offset = 1}),
        sliding_window({.left = 1500, .offset = 2300})}) {
    Rng rng(kSeed);
    AttentionCase call = make_case(rng, {1, 2, 300, 2700}, mask,
                                   {.head_dim = 3, .value_dim = 2});
    add_gentle_alibi(call);
    for (const Rows& rows :
         {Rows{0}, Rows{299}, Rows{3, 63, 64, 200}, key_range(64, 64),
          key_range(100, 20), key_range(0, 300)}) {
      EXPECT_TRUE(chosen_are_rows_of_all(call, rows)) << rows.front();
    }
  }
}

// Twelve lanes are four heads of three rows: fewer lanes take another path.
TEST(PairRowsTest, RowsOfStackedHeadsAreThoseOfAll) {
  for (const int64_t heads : {2, 8, 32}) {
    Rng rng(kSeed);
    AttentionCase call =
        make_case(rng, {2, heads, 3, 1100}, causal({.offset = 1090}),
                  {.kv_heads = 2, .head_dim = 20, .value_dim = 5});
    add_bias(rng, call, {heads, 1, 1100});
    for (const Rows& rows :
         {Rows{0}, Rows{1}, Rows{2}, Rows{0, 2}, Rows{1, 2}, Rows{0, 1, 2}}) {
      EXPECT_TRUE(chosen_are_rows_of_all(call, rows)) << heads << " heads";
    }
  }
}

TEST(PairRowsTest, EveryStageAndEitherOutputAloneIsThatOfAll) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, {2, 2, 70, 90}, causal({.offset = 10}));
  call.options.softcap = 2;
  add_bias(rng, call, {70, 90});
  call.bias.mutable_data<float>()[65 * 90 + 3] = kMinusInf;
  for (const Weights weights : {Weights::all, Weights::none}) {
    for (const Scores scores :
         {Scores::none, Scores::raw, Scores::capped, Scores::biased}) {
      if (weights == Weights::none && scores == Scores::none) continue;
      call.options.weights = weights;
      call.options.scores = scores;
      EXPECT_TRUE(chosen_are_rows_of_all(call, {3, 65}));
    }
  }
}

// Row 0 sees no key, and a NaN makes row 2 NaN.
TEST(PairRowsTest, AbsentAndNanRowsAreThoseOfAll) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, {1, 2, 4, 4}, causal({.offset = -1}));
  Tensor k = Tensor::copy_of(call.k);
  k.mutable_data<float>()[1 * 4 + 2] = kNan;
  call.k = call.own(k);
  for (const Rows& rows : {Rows{0}, Rows{2}, Rows{0, 2, 3}}) {
    EXPECT_TRUE(chosen_are_rows_of_all(call, rows));
  }
  call.options.pair_rows = {0, 2};
  EXPECT_EQ(call.run().weights.shape(), (Shape{1, 2, 2, 4}));
}

TEST(PairRowsTest, WithoutKeysRowsAreEmpty) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, {1, 2, 70, 0}, all());
  EXPECT_TRUE(chosen_are_rows_of_all(call, {1, 69}));
}

}  // namespace
}  // namespace maskwise::testing
