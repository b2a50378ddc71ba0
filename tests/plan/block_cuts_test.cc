#include "plan/block_cuts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

using ::testing::ElementsAre;

// Document i has lengths[i] tokens.
Mask documents_of(const std::vector<int64_t>& lengths) {
  std::vector<int64_t> ids;
  for (size_t i = 0; i < lengths.size(); ++i) {
    ids.insert(ids.end(), static_cast<size_t>(lengths[i]),
               static_cast<int64_t>(i));
  }
  Tensor tensor(DType::i64, {1, static_cast<int64_t>(ids.size())});
  std::ranges::copy(ids, tensor.mutable_data<int64_t>());
  return documents(tensor);
}

// The rows of the blocks of a mask over `length` tokens.
std::vector<int64_t> block_rows(const Mask& mask, int64_t length) {
  const BoundMask bound = mask.bind({1, 1, length, length});
  std::vector<int64_t> rows;
  BlockDrafter drafter(bound, 0, 0);
  int64_t q = 0;
  while (q < length) {
    for (const BlockDraft& draft :
         drafter.draft(q, std::min(kBlockRows, length - q))) {
      EXPECT_EQ(draft.q_begin, q);
      rows.push_back(draft.rows);
      q += draft.rows;
    }
  }
  return rows;
}

TEST(BlockCuts, BlocksEndWhereDocumentsDo) {
  EXPECT_THAT(block_rows(documents_of({28, 57, 85, 114}), 284),
              ElementsAre(28, 57, 64, 21, 64, 50));
  EXPECT_THAT(block_rows(causal() & documents_of({28, 57, 85}), 170),
              ElementsAre(28, 57, 64, 21));
}

TEST(BlockCuts, AFewRowsAreCutOffFromALongDocument) {
  EXPECT_THAT(block_rows(documents_of({69, 300}), 369),
              ElementsAre(64, 5, 64, 64, 64, 64, 44));
}

// Sixteen rows are one vector, however few of them are there.
TEST(BlockCuts, ShortDocumentsShareABlock) {
  EXPECT_THAT(block_rows(documents_of(std::vector<int64_t>(12, 5)), 60),
              ElementsAre(15, 15, 15, 15));
  EXPECT_THAT(block_rows(documents_of(std::vector<int64_t>(64, 1)), 64),
              ElementsAre(16, 16, 16, 16));
}

// Rows that see nothing fill up the last vector of those before them.
TEST(BlockCuts, RowsThatSeeNothingAreCutOff) {
  const Tensor seen = testing::booleans({2, 2}, "11 00");
  EXPECT_THAT(block_rows(blocks(seen, {.size = 40}), 80), ElementsAre(48, 32));
}

// Even and odd rows have no key in common, yet a cut helps neither.
TEST(BlockCuts, RowsThatTakeTurnsStayTogether) {
  EXPECT_THAT(block_rows(dilated(2), 128), ElementsAre(64, 64));
}

TEST(BlockCuts, AMaskWithoutBordersHasNoCuts) {
  for (const Mask& mask :
       {all(), causal(), sliding_window({.left = 100, .right = 0})}) {
    EXPECT_THAT(block_rows(mask, 150), ElementsAre(64, 64, 22));
  }
}

TEST(BlockCuts, APlanWalksNoMoreThanDocumentsHold) {
  const MaskPlan plan =
      compile(documents_of({28, 57, 85, 114}).bind({1, 2, 284, 284}));
  EXPECT_EQ(plan.stats().walked_pairs, plan.stats().visible_pairs);
}

}  // namespace
}  // namespace maskwise::detail
