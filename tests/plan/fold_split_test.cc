#include "plan/fold_split.h"

#include <gtest/gtest.h>

#include <utility>

#include "maskwise/mask.h"

namespace maskwise::detail {
namespace {

// The folds of the rows of the block that begins at q_begin.
FoldDraft folds_of(const Mask& mask, int64_t q_begin,
                   const AttentionShape& shape = {1, 1, 10000, 10000}) {
  const BoundMask bound = mask.bind(shape);
  const std::vector<BlockDraft> blocks =
      BlockDrafter(bound, 0, 0).draft(q_begin, kBlockRows);
  EXPECT_EQ(blocks.size(), 1U);
  FoldDraft draft = split_folds(blocks[0]);
  // One list for all: the draft's own.
  if (draft.folds.empty() && blocks[0].key_count > 0) {
    draft.folds.push_back(blocks[0].keys);
  }
  return draft;
}

int64_t keys_of(const PieceList& fold) {
  int64_t count = 0;
  for (const Piece& piece : fold.pieces()) count += piece.count;
  return count;
}

TEST(FoldSplit, NoKeyIsNoFold) {
  EXPECT_TRUE(folds_of(none(), 0).folds.empty());
}

TEST(FoldSplit, RowsOfAtMost1024KeysHaveOneFold) {
  for (const Mask& mask :
       {causal(), sliding_window({.left = 1023, .right = 0}), prefix(1024)}) {
    const FoldDraft draft = folds_of(mask, 960);
    EXPECT_EQ(draft.cut, FoldCut::listed);
    EXPECT_EQ(draft.folds.size(), 1U);
  }
  // 1,087 keys among them, but no row sees more than 1,024.
  const FoldDraft window =
      folds_of(sliding_window({.left = 1023, .right = 0}), 5000);
  EXPECT_EQ(window.cut, FoldCut::listed);
  ASSERT_EQ(window.folds.size(), 1U);
  EXPECT_EQ(keys_of(window.folds[0]), 1087);
}

TEST(FoldSplit, FoldsThatAllRowsShareAreCutWhileWalking) {
  for (const int64_t q : {1024, 1000, 4096, 8000}) {
    const FoldDraft draft = folds_of(causal(), q);
    EXPECT_EQ(draft.cut, FoldCut::while_walking) << q;
    EXPECT_EQ(draft.folds.size(), 1U);
    EXPECT_EQ(draft.folds[0].pieces().size(), 2U);
  }
  EXPECT_EQ(folds_of(all(), 0).cut, FoldCut::while_walking);
  EXPECT_EQ(folds_of(prefix(1025) & causal(), 2000).cut,
            FoldCut::while_walking);
}

// Row r of a window of 2,000 keys begins r keys later and so leaves its first
// fold r keys later: the keys between stand in both folds.
TEST(FoldSplit, AKeyNearAnEdgeStandsInBothFoldsWithComplementaryBits) {
  const FoldDraft draft =
      folds_of(sliding_window({.left = 1999, .right = 0}), 5000);
  EXPECT_EQ(draft.cut, FoldCut::listed);
  ASSERT_EQ(draft.folds.size(), 2U);
  EXPECT_EQ(keys_of(draft.folds[0]), 1024 + 63);
  EXPECT_EQ(keys_of(draft.folds[1]), 2000 - 1024 + 63);
  const auto word_at = [](const PieceList& fold, int64_t key) {
    for (const Piece& piece : fold.pieces()) {
      if (key < piece.begin || key >= piece.begin + piece.count) continue;
      return fold.word(piece, key - piece.begin);
    }
    return uint64_t{0};
  };
  const int64_t edge = 5000 - 1999 + 1024;  // of row 0
  for (int64_t key = edge; key < edge + 63; ++key) {
    const uint64_t first = word_at(draft.folds[0], key);
    const uint64_t second = word_at(draft.folds[1], key);
    EXPECT_EQ(first & second, 0U);
    EXPECT_EQ(first | second, ~uint64_t{0});
  }
}

// One row that has seen a key less stands apart from then on.
TEST(FoldSplit, OneMissingKeyMovesEveryLaterEdgeOfItsRow) {
  Tensor holes(DType::boolean, {64, 3000});
  holes.mutable_data<bool>()[3 * 3000 + 7] = true;
  const FoldDraft draft = folds_of(forbid(holes), 0, {1, 1, 64, 3000});
  EXPECT_EQ(draft.cut, FoldCut::listed);
  ASSERT_EQ(draft.folds.size(), 3U);
  EXPECT_EQ(keys_of(draft.folds[0]), 1025);
  EXPECT_EQ(keys_of(draft.folds[1]), 1025);
  EXPECT_EQ(keys_of(draft.folds[2]), 3000 - 2048);
}

}  // namespace
}  // namespace maskwise::detail
