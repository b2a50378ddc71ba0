// The table of cases that every kernel must pass bit for bit: shapes that are
// no multiple of anything, head sizes, mask words, groups, options, threads and
// strides.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <bit>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/attention_backends.h"
#include "tests/support/attention_random.h"
#include "tests/support/case_sizes.h"
#include "tests/support/mask_words.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 63;

TEST(CaseTableTest, EveryLengthMeetsEveryHeadSize) {
  Rng rng(kSeed);
  for (const Lengths& lengths : kLengths) {
    for (size_t i = 0; i < std::size(kDims); ++i) {
      SCOPED_TRACE(title(lengths, kDims[i]));
      AttentionCase call = make_case(
          rng, {1, 1, lengths.q, lengths.k}, causal(Align::bottom_right),
          {.head_dim = kDims[i],
           .value_dim = kDims[(i + 4) % std::size(kDims)]});
      call.options.weights = Weights::none;
      call.options.scores = Scores::none;
      EXPECT_TRUE(kernel_equals_contract(call));
    }
  }
}

TEST(CaseTableTest, EveryLengthMeetsEveryWord) {
  Rng rng(kSeed);
  for (const Lengths& lengths : kLengths) {
    const AttentionShape shape = {2, 2, lengths.q, lengths.k};
    for (const auto& [word, mask] : words(rng, shape)) {
      SCOPED_TRACE(title(lengths, 8) + " " + word);
      EXPECT_TRUE(kernel_equals_contract(
          make_case(rng, shape, mask, {.kv_heads = 2, .head_dim = 8})));
    }
  }
}

// One to eight query heads for a kv head; few rows stack them into the lanes.
TEST(CaseTableTest, EveryGroupMeetsEveryOption) {
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
      EXPECT_TRUE(kernel_equals_contract(call));
    }
  }
}

// Storage of 16 bits is read as it is, and o has the type of q.
TEST(CaseTableTest, HalfStorageGivesTheBitsOfItsValues) {
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
      EXPECT_TRUE(kernel_equals_contract(call));
    }
  }
}

// Values on what halves can hold, beside it and in the middle between two, from
// the denormal ones to those that are too large.
float value_near_halves(Rng& rng) {
  constexpr uint32_t kBesides[] = {0,      1,      0xFFF,  0x1000,
                                   0x1001, 0x7FFF, 0x8000, 0x8001};
  constexpr uint32_t kFirst = 0x60;  // exponents around those of f16
  constexpr uint32_t kExponents = 0x34;
  const auto next = [&] { return static_cast<uint32_t>(rng()); };
  const uint32_t exponent = next() % 2 == 0
                                ? (kFirst + next() % kExponents) << 23
                                : next() & 0x7F800000;
  const uint32_t fraction = next() & 0x7FE000;
  const uint32_t sign = next() & 0x80000000;
  return std::bit_cast<float>(sign | exponent | fraction |
                              kBesides[next() % std::size(kBesides)]);
}

// With one key a row is its values.
TEST(CaseTableTest, HalfOutputsRoundAsTheirContract) {
  Rng rng(kSeed);
  constexpr int64_t kRows = 400;
  constexpr int64_t kDim = 48;
  std::vector<float> values(kRows * kDim);
  for (float& value : values) value = value_near_halves(rng);
  for (const DType dtype : {DType::f16, DType::bf16}) {
    AttentionCase call = make_case(rng, {kRows, 1, 1, 1}, all(),
                                   {.head_dim = 8, .value_dim = kDim});
    call.q = call.own(from_f32(call.q, dtype));
    call.v = call.own(Tensor::from({kRows, 1, 1, kDim}, values));
    EXPECT_TRUE(kernel_equals_contract(call)) << name_of(dtype);
  }
}

// K as [D, Lk], of which kernels of few rows read keys side by side: never
// beyond the last (a sanitizer looks).
TEST(CaseTableTest, TransposedKeysAreReadWithinTheirMemory) {
  Rng rng(kSeed);
  for (const int64_t rows : {1, 3, 20}) {
    for (const int64_t keys : {1, 5, 16, 23, 100}) {
      SCOPED_TRACE(title({rows, keys}, 9));
      AttentionCase call =
          make_case(rng, {1, 1, rows, keys}, all(), {.head_dim = 9});
      const TensorView stored = call.own(normal(rng, {1, 1, 9, keys}));
      call.k = stored.permuted({0, 1, 3, 2});
      EXPECT_TRUE(kernel_equals_contract(call));
    }
  }
}

TEST(CaseTableTest, StridesAndThreadsChangeNothing) {
  const tbb::global_control seven(tbb::global_control::max_allowed_parallelism,
                                  7);
  constexpr Limits kLarge{.batch = 2,
                          .kv_heads = 2,
                          .group = 2,
                          .q_len = 130,
                          .kv_len = 200,
                          .dim = 70};
  for (uint32_t seed = kSeed; seed < kSeed + 40; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    std::normal_distribution<float> next;
    AttentionCase call = random_case(rng, kLarge, [&] { return next(rng); });
    const AttentionResult expected = call.run(Backend::reference);
    for (const int threads : {1, 2, 7}) {
      call.options.threads = threads;
      EXPECT_TRUE(every_isa_gives(call, expected)) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
