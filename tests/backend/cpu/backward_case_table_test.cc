// The table of cases that every backward kernel must pass bit for bit: shapes
// that are no multiple of anything, head sizes, mask words, groups, options,
// forms of bias, folds that overlap, and threads.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <cstdint>
#include <string>

#include "maskwise/mask_text.h"
#include "tests/support/case_sizes.h"
#include "tests/support/gradient_case.h"
#include "tests/support/mask_words.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 64;

TEST(BackwardCaseTableTest, EveryLengthMeetsEveryHeadSize) {
  Rng rng(kSeed);
  for (const Lengths& lengths : kLengths) {
    for (size_t i = 0; i < std::size(kDims); ++i) {
      SCOPED_TRACE(title(lengths, kDims[i]));
      EXPECT_TRUE(kernel_equals_contract(with_gradients(
          rng, make_case(rng, {1, 1, lengths.q, lengths.k},
                         causal(Align::bottom_right),
                         {.head_dim = kDims[i],
                          .value_dim = kDims[(i + 4) % std::size(kDims)]}))));
    }
  }
}

// Each with another form of bias.
TEST(BackwardCaseTableTest, EveryLengthMeetsEveryWord) {
  Rng rng(kSeed);
  int64_t repeated = 0;
  for (const Lengths& lengths : kLengths) {
    const AttentionShape shape = {2, 2, lengths.q, lengths.k};
    for (const auto& [word, mask] : words(rng, shape)) {
      SCOPED_TRACE(title(lengths, 8) + " " + word);
      AttentionCase call = make_case(rng, shape, mask, {.head_dim = 8});
      add_bias(rng, call, repeated_bias_shape(shape, ++repeated % 16));
      EXPECT_TRUE(kernel_equals_contract(with_gradients(rng, call, true)));
    }
  }
}

TEST(BackwardCaseTableTest, EveryGroupMeetsEveryOption) {
  Rng rng(kSeed);
  for (const Lengths& lengths : {Lengths{1, 239}, {3, 799}, {65, 65}}) {
    for (int64_t group = 1; group <= 8; ++group) {
      SCOPED_TRACE(title(lengths, 17) + " group " + std::to_string(group));
      const AttentionShape shape = {2, 2 * group, lengths.q, lengths.k};
      AttentionCase call =
          make_case(rng, shape, causal(Align::bottom_right),
                    {.kv_heads = 2, .head_dim = 17, .value_dim = 33});
      if (group % 2 == 0) {
        add_bias(rng, call, {shape.heads, lengths.q, lengths.k});
      }
      if (group % 3 == 0) call.options.softcap = 4;
      if (group % 4 != 0) add_alibi(call);
      EXPECT_TRUE(
          kernel_equals_contract(with_gradients(rng, call, group % 5 != 0)));
    }
  }
}

// With -inf here and there, which makes its own plan.
TEST(BackwardCaseTableTest, EveryFormOfBiasMeetsEveryLength) {
  Rng rng(kSeed);
  for (const Lengths& lengths : kLengths) {
    const AttentionShape shape = {2, 4, lengths.q, lengths.k};
    for (int64_t repeated = 0; repeated < 16; ++repeated) {
      const Shape form = repeated_bias_shape(shape, repeated);
      SCOPED_TRACE(to_string(form));
      AttentionCase call = make_case(rng, shape, ~dilated(3), {.kv_heads = 2});
      add_bias(rng, call, form);
      float* bias = call.bias.mutable_data<float>();
      for (int64_t i = 0; i < call.bias.size(); ++i) {
        if (repeated % 2 == 1 && one_in(rng, 9)) bias[i] = kMinusInf;
      }
      EXPECT_TRUE(kernel_equals_contract(with_gradients(rng, call, true)));
    }
  }
}

// A bias without axes in front of those that it has.
TEST(BackwardCaseTableTest, BiasesOfEveryRankGiveTheBitsOfTheContract) {
  Rng rng(kSeed);
  const AttentionShape shape = {2, 2, 67, 45};
  for (const Shape& form :
       {Shape{1}, Shape{45}, Shape{67, 1}, Shape{67, 45}, Shape{2, 1, 45},
        Shape{1, 67, 1}, Shape{2, 67, 45}}) {
    SCOPED_TRACE(to_string(form));
    AttentionCase call =
        make_case(rng, shape, causal(Align::bottom_right), {.kv_heads = 2});
    add_bias(rng, call, form);
    const GradientCase gradient = with_gradients(rng, call);
    EXPECT_EQ(gradient.run().dbias.shape(), form);
    EXPECT_TRUE(kernel_equals_contract(gradient));
  }
}

// Storage of 16 bits is read as it is, and each gradient has the type of what
// it is the gradient of.
TEST(BackwardCaseTableTest, HalfStorageGivesTheBitsOfItsValues) {
  Rng rng(kSeed);
  const DType types[] = {DType::f32, DType::f16, DType::bf16};
  for (const Lengths& lengths : {Lengths{1, 239}, {3, 799}, {65, 130}}) {
    for (int64_t i = 0; i < 9; ++i) {
      SCOPED_TRACE(title(lengths, 59) + " " + std::to_string(i));
      AttentionCase call = make_case(rng, {2, 4, lengths.q, lengths.k},
                                     causal(Align::bottom_right),
                                     {.kv_heads = 2,
                                      .head_dim = i % 2 == 0 ? 59 : 64,
                                      .value_dim = i % 4 == 0 ? 48 : 37});
      call.q = call.own(from_f32(call.q, types[i % 3]));
      call.k = call.own(from_f32(call.k, types[i / 3]));
      call.v = call.own(from_f32(call.v, types[(i + 1) % 3]));
      add_bias(rng, call, {4, 1, lengths.k});
      call.bias = from_f32(call.bias, types[(i + 2) % 3]);
      GradientCase gradient = with_gradients(rng, call, true);
      gradient.d_o =
          gradient.call.own(from_f32(gradient.d_o, types[(i / 2) % 3]));
      EXPECT_TRUE(kernel_equals_contract(gradient));
    }
  }
}

// Where a row that sees all keys is in its third fold, another waits inside its
// second for keys that are far, and others are still in their first.
Tensor rows_in_three_folds(Rng& rng, int64_t rows, int64_t keys) {
  Tensor seen(DType::boolean, {rows, keys});
  for (int64_t q = 0; q < rows; ++q) {
    for (int64_t k = 0; k < keys; ++k) {
      const bool sees[] = {true, k < 1500 || k >= keys - 10, k % 10 == 0,
                           one_in(rng, 3)};
      seen.mutable_data<bool>()[q * keys + k] = sees[q % 4];
    }
  }
  return seen;
}

// Rows of a block stand at different ordinals, so that a key is in one fold of
// some of them and in another of others; dk and dv must not notice.
TEST(BackwardCaseTableTest, FoldsThatOverlapGiveTheBitsOfTheContract) {
  Rng rng(kSeed);
  const AttentionShape shape = {1, 2, 130, 3000};
  const Mask masks[] = {
      sliding_window({.left = 1100, .right = 0, .offset = 1400}),
      sliding_window({.left = 1100, .right = 300, .offset = 1200}) &
          ~dilated(7),
      (causal({.offset = 2870}) &
       sliding_window({.left = 2200, .offset = 2870})) |
          prefix(4),
      allow(random_bools(rng, {130, 3000}, 0.5)),
      allow(random_bools(rng, {2, 130, 3000}, 0.9)),
      allow(random_bools(rng, {130, 3000}, 0.02)) |
          sliding_window({.left = 1500, .right = 20, .offset = 1500}),
      allow(rows_in_three_folds(rng, 130, 3000)),
      allow(key_columns(rng, shape))};
  int64_t number = 0;
  for (const Mask& mask : masks) {
    SCOPED_TRACE(to_string(mask).text);
    AttentionCase call =
        make_case(rng, shape, mask, {.head_dim = 5, .value_dim = 3});
    if (++number % 2 == 0) call.options.softcap = 3;
    add_bias(rng, call, repeated_bias_shape(shape, (5 * number) % 16));
    EXPECT_TRUE(kernel_equals_contract(with_gradients(rng, call, true)));
  }
}

// Batch items and heads then add to the same elements of dbias.
TEST(BackwardCaseTableTest, ThreadsChangeNoBitOfABroadcastBias) {
  const tbb::global_control seven(tbb::global_control::max_allowed_parallelism,
                                  7);
  Rng rng(kSeed);
  const AttentionShape shape = {3, 6, 70, 90};
  for (int64_t repeated = 0; repeated < 16; ++repeated) {
    AttentionCase call = make_case(
        rng, shape, causal(Align::bottom_right) & lengths({90, 31, 60}),
        {.kv_heads = 3, .head_dim = 9, .value_dim = 5});
    add_bias(rng, call, repeated_bias_shape(shape, repeated));
    SCOPED_TRACE(to_string(call.bias.shape()));
    GradientCase gradient = with_gradients(rng, call, true);
    const AttentionGradients expected = gradient.run(Backend::reference);
    for (const int threads : {1, 2, 7}) {
      gradient.call.options.threads = threads;
      EXPECT_TRUE(every_isa_gives(gradient, expected)) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
