#include "layers/random_bits.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace maskwise::testing {
namespace {

using nn::detail::hashed;
using nn::detail::uniform;

// The first numbers of the published generator (https://prng.di.unimi.it,
// splitmix64.c) begun at 0 and at 1234567.
TEST(RandomBits, AreThoseOfSplitMix64) {
  EXPECT_EQ(hashed(0, 0), 0xE220A8397B1DCDAFU);
  EXPECT_EQ(hashed(0, 1), 0x6E789E6AA1B965F4U);
  EXPECT_EQ(hashed(0, 2), 0x06C45D188009454FU);
  EXPECT_EQ(hashed(1234567, 0), 6457827717110365317U);
  EXPECT_EQ(hashed(1234567, 1), 3203168211198807973U);
}

TEST(RandomBits, GiveNumbersFromZeroToBelowOne) {
  EXPECT_EQ(uniform(0), 0.0);
  EXPECT_EQ(uniform(2047), 0.0);
  EXPECT_EQ(uniform(2048), 0x1p-53);
  EXPECT_EQ(uniform(uint64_t{1} << 63U), 0.5);
  EXPECT_EQ(uniform(~uint64_t{0}), 1 - 0x1p-53);
}

}  // namespace
}  // namespace maskwise::testing
