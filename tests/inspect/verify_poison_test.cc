#include "inspect/verify_poison.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "inspect/verify_rows.h"
#include "tests/support/attention_case.h"

namespace maskwise::detail {
namespace {

using testing::AttentionCase;
using testing::make_case;
using testing::Rng;

uint32_t bits_at(const TensorView& view, int64_t i) {
  uint32_t bits = 0;
  std::memcpy(&bits, static_cast<const char*>(view.bytes()) + i * 4, 4);
  return bits;
}

TEST(Poison, TheSixKindsAreWhatTheirNamesSay) {
  const auto value = [](size_t i) { return std::bit_cast<float>(kPoisons[i]); };
  constexpr uint32_t kQuiet = 0x00400000;
  EXPECT_TRUE(std::isnan(value(0)));
  EXPECT_NE(kPoisons[0] & kQuiet, 0U);
  EXPECT_TRUE(std::isnan(value(1)));
  EXPECT_EQ(kPoisons[1] & kQuiet, 0U);
  EXPECT_EQ(value(2), testing::kInf);
  EXPECT_EQ(value(3), testing::kMinusInf);
  EXPECT_EQ(value(4), 1e30F);
  EXPECT_EQ(std::fpclassify(value(5)), FP_SUBNORMAL);
}

// Element d of key k of one copy, and what it should be.
void expect_key(const TensorView& copies, int64_t copy, int64_t key,
                const std::vector<uint32_t>& expected) {
  const int64_t width = copies.dim(3);
  const int64_t first = (copy * copies.dim(2) + key) * width;
  for (int64_t d = 0; d < width; ++d) {
    EXPECT_EQ(bits_at(copies, first + d), expected[static_cast<size_t>(d)])
        << "copy " << copy << " key " << key << " element " << d;
  }
}

TEST(PoisonedKeys, OnlyUnseenKeysArePoisonedAndLaterRestored) {
  Rng rng(1);
  const AttentionCase call =
      make_case(rng, {2, 4, 1, 3}, all(), {.kv_heads = 2, .value_dim = 3});
  const AttentionInputs inputs =
      check_attention(call.q, call.k, call.v, call.shape, call.options);
  PoisonedKeys keys(inputs.problem);
  const std::vector<std::vector<uint8_t>> steps = {
      {1, 0, 1}, {0, 1, 1}, {1, 1, 1}, {0, 0, 0}};
  for (const auto& [batch, head] : {std::pair(0, 0), {1, 1}, {0, 1}}) {
    for (const auto& seen : steps) {
      keys.poison_unseen(batch, head, seen);
      for (const auto& [copies, own] :
           {std::pair(keys.k(), call.k), {keys.v(), call.v}}) {
        ASSERT_EQ(copies.dim(0), 6);
        const int64_t width = copies.dim(3);
        for (int64_t copy = 0; copy < 6; ++copy) {
          for (int64_t key = 0; key < 3; ++key) {
            std::vector<uint32_t> expected(static_cast<size_t>(width),
                                           kPoisons[static_cast<size_t>(copy)]);
            for (int64_t d = 0; d < width && seen[size_t(key)] != 0; ++d) {
              expected[static_cast<size_t>(d)] =
                  bits_at(own, ((batch * 2 + head) * 3 + key) * width + d);
            }
            expect_key(copies, copy, key, expected);
          }
        }
      }
    }
  }
}

TEST(PoisonedBias, EveryRowButTheLastIsPoisonedAtUnseenKeys) {
  const Tensor bias = Tensor::from<float>({1, 1, 2, 2}, {1, 2, 3, 4});
  const Tensor poisoned = poisoned_bias(bias, {0, 1});
  ASSERT_EQ(poisoned.shape(), (Shape{6, 1, 2, 2}));
  for (int64_t copy = 0; copy < 6; ++copy) {
    EXPECT_EQ(bits_at(poisoned, copy * 4), kPoisons[size_t(copy)]);
    EXPECT_EQ(poisoned.data<float>()[copy * 4 + 1], 2);
    EXPECT_EQ(poisoned.data<float>()[copy * 4 + 2], 0);
    EXPECT_EQ(poisoned.data<float>()[copy * 4 + 3], 0);
  }
}

TEST(PoisonedLines, LinesThatAreNotFlaggedAreOverwritten) {
  const Tensor lines =
      Tensor::from<float>({1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  const Tensor poisoned = poisoned_lines(lines, {1, 0, 0, 1});
  ASSERT_EQ(poisoned.shape(), (Shape{6, 2, 2, 2}));
  for (int64_t copy = 0; copy < 6; ++copy) {
    for (int64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(bits_at(poisoned, copy * 8 + i),
                i < 2 || i > 5 ? bits_at(lines, i) : kPoisons[size_t(copy)]);
    }
  }
}

TEST(WatchedPlan, TheLastRowSeesTheOthers) {
  const BoundMask mask = watched_plan({1, 0, 1}, 2).mask();
  EXPECT_EQ(mask.shape(), (AttentionShape{6, 1, 3, 3}));
  EXPECT_EQ(mask.visible_keys(5, 0, 1), (std::vector<int64_t>{0, 2}));
  EXPECT_EQ(mask.visible_keys(0, 0, 2), std::vector<int64_t>{1});
}

}  // namespace
}  // namespace maskwise::detail
