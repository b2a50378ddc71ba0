// Odd values everywhere: every kernel equals the contract bit for bit when q,
// k, v and bias hold NaN of both kinds, infinities, huge numbers, denormals,
// zeros of both signs, finfo.min and -inf.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>

#include "tests/support/attention_backends.h"
#include "tests/support/odd_values.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 31337;

// How many rows of each kind a fuzz has met: one without them proves nothing.
struct Met {
  int64_t rows = 0;
  int64_t nan = 0;
  int64_t empty = 0;
  int64_t lowest = 0;  // finfo.min is the row's largest score

  void count(const AttentionResult& result) {
    for (int64_t i = 0; i < result.lse.size(); ++i) {
      const float lse = result.lse.data<float>()[i];
      ++rows;
      nan += lse != lse ? 1 : 0;
      empty += lse == kMinusInf ? 1 : 0;
      lowest += result.m.data<float>()[i] == kFinfoMin && lse != kMinusInf;
    }
  }

  void report() const {
    std::printf("%lld rows: %lld NaN, %lld empty, %lld of finfo.min\n",
                static_cast<long long>(rows), static_cast<long long>(nan),
                static_cast<long long>(empty), static_cast<long long>(lowest));
    EXPECT_GT(nan, 0);
    EXPECT_GT(empty, 0);
    EXPECT_GT(lowest, 0);
    EXPECT_LT(nan + empty, rows / 2);
  }
};

// Runs cases seed, seed + 1, ...: each can be run again by itself.
void fuzz(uint32_t first_seed, int64_t count, const Limits& limits,
          int64_t most_odd) {
  Met met;
  for (int64_t i = 0; i < count; ++i) {
    const auto seed = first_seed + static_cast<uint32_t>(i);
    SCOPED_TRACE(seed);
    Rng rng(seed);
    const AttentionCase call = odd_case(rng, limits, most_odd);
    const AttentionResult result = call.run(Backend::reference);
    ASSERT_TRUE(every_isa_gives(call, result));
    met.count(result);
  }
  met.report();
}

TEST(ValueFuzzTest, OddValuesGiveTheBitsOfTheContractInSmallCases) {
  fuzz(kSeed, cases(8000), {}, 3);
}

TEST(ValueFuzzTest, OddValuesGiveTheBitsOfTheContractOverSeveralFolds) {
  fuzz(kSeed, cases(600),
       {.batch = 1,
        .kv_heads = 1,
        .group = 2,
        .q_len = 4,
        .kv_len = 3000,
        .dim = 3},
       8);
}

}  // namespace
}  // namespace maskwise::testing
