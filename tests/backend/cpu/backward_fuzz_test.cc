// The backward kernels equal the contract bit for bit: random calls of every
// kind, with odd values in every input, d_o and d_lse among them.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <cstdint>
#include <cstdio>

#include "tests/support/attention_random.h"
#include "tests/support/gradient_case.h"
#include "tests/support/odd_values.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 27182;

// What a fuzz has met: one without them proves nothing.
struct Met {
  int64_t values = 0;
  int64_t nan = 0;
  int64_t zero = 0;

  void count(const Tensor& tensor) {
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const float x = tensor.data<float>()[i];
      ++values;
      nan += x != x ? 1 : 0;
      zero += x == 0 ? 1 : 0;
    }
  }

  void report() const {
    std::printf("%lld values: %lld NaN, %lld zero\n",
                static_cast<long long>(values), static_cast<long long>(nan),
                static_cast<long long>(zero));
    EXPECT_GT(nan, 0);
    EXPECT_GT(zero, 0);
    EXPECT_LT(nan, values / 2);
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
    GradientCase gradient =
        with_gradients(rng, odd_case(rng, limits, 0), one_in(rng, 2));
    put_odd_values(rng, gradient.call, most_odd);
    const AttentionGradients expected = gradient.run(Backend::reference);
    ASSERT_TRUE(every_isa_gives(gradient, expected));
    met.count(expected.dq);
    met.count(expected.dk);
    met.count(expected.dv);
  }
  met.report();
}

TEST(BackwardFuzzTest, OddValuesGiveTheBitsOfTheContractInSmallCases) {
  fuzz(kSeed, cases(4000), {.group = 3}, 2);
}

TEST(BackwardFuzzTest, OddValuesGiveTheBitsOfTheContractOverSeveralFolds) {
  fuzz(kSeed, cases(300),
       {.batch = 1,
        .kv_heads = 1,
        .group = 2,
        .q_len = 4,
        .kv_len = 3000,
        .dim = 3},
       4);
}

TEST(BackwardFuzzTest, StridesAndThreadsChangeNothing) {
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
    GradientCase gradient = with_gradients(
        rng, random_case(rng, kLarge, [&] { return next(rng); }), true);
    const AttentionGradients expected = gradient.run(Backend::reference);
    for (const int threads : {1, 2, 7}) {
      gradient.call.options.threads = threads;
      EXPECT_TRUE(every_isa_gives(gradient, expected)) << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace maskwise::testing
