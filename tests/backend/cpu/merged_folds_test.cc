#include "backend/cpu/merged_folds.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "maskwise/mask_text.h"
#include "tests/support/attention_random.h"

namespace maskwise::testing {
namespace {

using detail::FoldCursor;
using detail::kFoldKeys;
using detail::MergedFolds;
using detail::MergedKey;
using detail::PlanData;
using detail::RowBlock;

constexpr uint32_t kSeed = 8;

// What the mask says of one key of a block: the rows that see it, and those of
// which it is the first of a fold. `seen` counts the keys of each row so far.
MergedKey key_of(const BoundMask& mask, const RowBlock& block, int64_t k,
                 std::vector<int64_t>& seen) {
  MergedKey key = {.key = static_cast<int32_t>(k)};
  for (int32_t row = 0; row < block.rows; ++row) {
    if (!mask.allowed(0, 0, block.q_begin + row, k)) continue;
    const uint64_t bit = uint64_t{1} << row;
    key.rows |= bit;
    if (seen[static_cast<size_t>(row)]++ % kFoldKeys == 0) key.begins |= bit;
  }
  return key;
}

void expect_keys_in_order(const BoundMask& mask, const PlanData& plan,
                          const RowBlock& block) {
  std::vector<FoldCursor> cursors(static_cast<size_t>(block.fold_count));
  MergedFolds folds(plan, block, cursors.data());
  std::vector<int64_t> seen(64, 0);
  for (int64_t k = 0; k < mask.shape().kv_len; ++k) {
    const MergedKey expected = key_of(mask, block, k, seen);
    if (expected.rows == 0) continue;
    ASSERT_FALSE(folds.at_end()) << "before key " << k;
    const MergedKey found = folds.next();
    ASSERT_EQ(found.key, expected.key);
    ASSERT_EQ(found.rows, expected.rows) << "key " << k;
    ASSERT_EQ(found.begins, expected.begins) << "key " << k;
  }
  EXPECT_TRUE(folds.at_end());
}

// Rows that see all keys, that wait inside their second fold, and that see few.
Tensor rows_in_three_folds(int64_t rows, int64_t keys) {
  Tensor seen(DType::boolean, {rows, keys});
  for (int64_t q = 0; q < rows; ++q) {
    for (int64_t k = 0; k < keys; ++k) {
      const bool sees[] = {true, k < 1500 || k >= keys - 10, k % 10 == 0};
      seen.mutable_data<bool>()[q * keys + k] = sees[q % 3];
    }
  }
  return seen;
}

TEST(MergedFoldsTest, EachKeyComesOnceWithItsRowsAndTheFoldsThatItBegins) {
  Rng rng(kSeed);
  const AttentionShape shape = {1, 1, 130, 3000};
  const Mask masks[] = {
      sliding_window({.left = 1100, .right = 0, .offset = 1400}),
      sliding_window({.left = 1100, .right = 300, .offset = 1200}) &
          ~dilated(7),
      allow(random_bools(rng, {130, 3000}, 0.5)),
      allow(random_bools(rng, {130, 3000}, 0.95)),
      allow(rows_in_three_folds(130, 3000)),
      allow(key_columns(rng, shape))};
  for (const Mask& mask : masks) {
    SCOPED_TRACE(to_string(mask).text);
    const BoundMask bound = mask.bind(shape);
    const MaskPlan plan = compile(bound);
    int64_t merged = 0;
    for (const RowBlock& block : plan.data().blocks) {
      if (block.fold_count < 2) continue;
      expect_keys_in_order(bound, plan.data(), block);
      ++merged;
    }
    EXPECT_GT(merged, 0);
  }
}

TEST(MergedFoldsTest, ABlockWithoutFoldsIsAtItsEnd) {
  const MaskPlan plan = compile(all().bind({1, 1, 3, 5}));
  const RowBlock empty = {.rows = 3};
  EXPECT_TRUE(MergedFolds(plan.data(), empty, nullptr).at_end());
}

}  // namespace
}  // namespace maskwise::testing
