#include "training/random.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

namespace maskwise::nn::detail {
namespace {

// The first numbers of the authors' program for this seed.
TEST(Random, IsSplitMix64) {
  Random random(1234567);
  for (const uint64_t expected :
       {6457827717110365317U, 3203168211198807973U, 9817491932198370423U,
        4593380528125082431U, 16408922859458223821U}) {
    EXPECT_EQ(random.next(), expected);
  }
}

TEST(Random, EverySeedAndStreamHasItsOwnNumbers) {
  std::map<uint64_t, int> seen;
  for (uint64_t seed = 0; seed < 30; ++seed) {
    for (uint64_t stream = 0; stream < 30; ++stream) {
      Random random(seed, stream);
      ++seen[random.next()];
    }
  }
  EXPECT_EQ(seen.size(), 900U);
}

// Orders of batches, and with them the bytes of models, rest on these.
TEST(Random, TheNumbersOfASeedAndAStreamStay) {
  Random random(3, 4);
  EXPECT_EQ(random.next(), 5322044964484773650U);
  EXPECT_EQ(random.next(), 2914691639908351834U);
}

// 60,000 orders of 3: each of the 6 is drawn 10,000 times, give or take 5
// standard deviations of 91.
TEST(Random, EveryOrderIsAsLikelyAsAnyOther) {
  Random random(1);
  std::map<std::vector<int>, int> seen;
  for (int i = 0; i < 60000; ++i) {
    std::vector<int> order = {0, 1, 2};
    shuffle(order, random);
    ++seen[order];
  }
  ASSERT_EQ(seen.size(), 6U);
  for (const auto& [order, count] : seen) EXPECT_NEAR(count, 10000, 456);
}

// With n three quarters of 2^64 a quarter of all numbers is drawn again; a
// plain remainder would give each of the smallest third twice as often.
TEST(Random, LargeBoundsAreNotSkewed) {
  Random random(2);
  constexpr uint64_t kThird = uint64_t{1} << 62;
  int small = 0;
  for (int i = 0; i < 10000; ++i) {
    const uint64_t drawn = random.below(3 * kThird);
    ASSERT_LT(drawn, 3 * kThird);
    small += drawn < kThird ? 1 : 0;
  }
  EXPECT_NEAR(small, 3333, 236);  // 5 standard deviations
  EXPECT_EQ(random.below(1), 0U);
}

}  // namespace
}  // namespace maskwise::nn::detail
