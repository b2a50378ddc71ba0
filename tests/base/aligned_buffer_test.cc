#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/base/sanitizer_options.h"
#include "tests/base/thrown_error.h"

namespace maskwise::detail {
namespace {

TEST(AlignedBuffer, EverySizeIsAlignedAndZero) {
  // Twice, so that the second round meets memory that the first has filled.
  for (int round = 0; round < 2; ++round) {
    for (int64_t bytes = 0; bytes < 300; ++bytes) {
      const auto buffer = make_aligned_buffer(bytes);
      auto* begin = static_cast<unsigned char*>(buffer.get());
      ASSERT_NE(begin, nullptr);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(begin) % kAlignment, 0U);
      EXPECT_EQ(std::count(begin, begin + bytes, 0), bytes);
      std::fill(begin, begin + bytes, static_cast<unsigned char>(0xFF));
    }
  }
}

// Beyond some size memory is taken another way.
TEST(AlignedBuffer, LargeOnesAreZeroAndAlignedToWholeLargePages) {
  constexpr int64_t kLarge = int64_t{1} << 22;
  for (const int64_t bytes :
       {kLarge - 65, kLarge - 64, kLarge, 2 * kLarge + 1}) {
    for (int round = 0; round < 2; ++round) {
      const auto buffer = make_aligned_buffer(bytes);
      auto* begin = static_cast<unsigned char*>(buffer.get());
      const int64_t alignment = bytes < kLarge ? kAlignment : kLarge / 2;
      EXPECT_EQ(reinterpret_cast<uintptr_t>(begin) %
                    static_cast<uintptr_t>(alignment),
                0U)
          << bytes;
      EXPECT_EQ(std::count(begin, begin + bytes, 0), bytes);
      std::fill(begin, begin + bytes, static_cast<unsigned char>(0xFF));
    }
  }
}

TEST(AlignedBuffer, CopiesShareTheMemoryAndTheLastOneFreesIt) {
  auto first = make_aligned_buffer(64);
  const std::shared_ptr<void> second = first;
  EXPECT_EQ(first.get(), second.get());
  first.reset();
  EXPECT_EQ(second.use_count(), 1);
  std::memset(second.get(), 1, 64);
}

TEST(AlignedBuffer, WhatCannotBeHadIsALimitErrorWithTheBytes) {
  for (const int64_t bytes : {int64_t{1} << 62, INT64_MAX - 1, INT64_MAX}) {
    EXPECT_TRUE(testing::throws_error(
        ErrorCode::limit, "[memory] cannot allocate " + std::to_string(bytes),
        [&] { make_aligned_buffer(bytes); }));
  }
}

}  // namespace
}  // namespace maskwise::detail
