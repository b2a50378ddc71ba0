#include "plan/block_draft.h"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "maskwise/mask.h"
#include "tests/support/mask_table.h"

namespace maskwise::detail {
namespace {

using testing::booleans;

std::vector<BlockDraft> drafts(const Mask& mask, const AttentionShape& shape,
                               int64_t q_begin, int64_t rows) {
  const BoundMask bound = mask.bind(shape);
  return BlockDrafter(bound, 0, 0).draft(q_begin, rows);
}

// "begin+count" of each piece, and '*' where all rows see it.
std::string outline(const BlockDraft& draft) {
  std::string text;
  for (const Piece& piece : draft.keys.pieces()) {
    const bool full =
        piece.word_step == 0 && draft.keys.word(piece, 0) == draft.all_rows();
    text += std::to_string(piece.begin) + "+" + std::to_string(piece.count) +
            (full ? "* " : " ");
  }
  return text;
}

TEST(PieceList, JoinsWhatTouchesAndIsAlike) {
  PieceList keys;
  keys.append(0, 20, 3);
  keys.append(20, 5, 3);  // goes on with the same rows
  keys.append(25, 30, 1);
  keys.append(55, 2, 2);  // too few for a piece of their own
  keys.append(57, 1, 1);
  keys.append(60, 1, 1);
  ASSERT_EQ(keys.pieces().size(), 4U);
  EXPECT_EQ(keys.pieces()[0].count, 25);
  EXPECT_EQ(keys.pieces()[1].count, 30);
  EXPECT_EQ(keys.pieces()[2].count, 3);
  EXPECT_EQ(keys.word(keys.pieces()[0], 14), 3U);
  EXPECT_EQ(keys.word(keys.pieces()[2], 1), 2U);
  EXPECT_EQ(keys.word(keys.pieces()[2], 2), 1U);
  EXPECT_EQ(keys.words(keys.pieces()[0]).size(), 1U);
  EXPECT_EQ(keys.words(keys.pieces()[2]).size(), 3U);
}

PieceList list_of(const std::vector<KeyInterval>& pieces, uint64_t word) {
  PieceList keys;
  for (const KeyInterval& piece : pieces) {
    keys.append_same(piece.begin, piece.end - piece.begin, word++);
  }
  return keys;
}

TEST(PieceList, IsMovedWhenOnlyThePlacesDiffer) {
  const PieceList keys = list_of({{0, 20}, {20, 40}, {50, 60}}, 1);
  EXPECT_TRUE(keys.is_moved(keys));
  EXPECT_TRUE(keys.is_moved(list_of({{5, 25}, {25, 45}, {90, 100}}, 1)));
  EXPECT_FALSE(keys.is_moved(list_of({{5, 25}, {26, 46}, {90, 100}}, 1)));
  EXPECT_FALSE(keys.is_moved(list_of({{0, 20}, {20, 40}, {50, 61}}, 1)));
  EXPECT_FALSE(keys.is_moved(list_of({{0, 20}, {20, 40}, {50, 60}}, 2)));
  EXPECT_FALSE(keys.is_moved(list_of({{0, 20}, {20, 40}}, 1)));
}

TEST(BlockDrafter, CausalIsAFullPieceAndAStaircase) {
  const auto blocks = drafts(causal(), {1, 1, 200, 200}, 128, 64);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(outline(blocks[0]), "0+129* 129+63 ");
  EXPECT_EQ(blocks[0].key_count, 192);
  EXPECT_EQ(blocks[0].visible_pairs, 64 * 128 + 64 * 65 / 2);
  const Piece& staircase = blocks[0].keys.pieces()[1];
  for (int64_t i = 0; i < staircase.count; ++i) {
    EXPECT_EQ(blocks[0].keys.word(staircase, i), ~uint64_t{0} << (i + 1));
  }
}

TEST(BlockDrafter, KeysThatNobodySeesAreNotWalked) {
  const Tensor bits = booleans({2, 8}, "01100001 01000001");
  const auto blocks = drafts(allow(bits), {1, 1, 2, 8}, 0, 2);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].key_count, 3);
  EXPECT_EQ(blocks[0].visible_pairs, 5);
  EXPECT_EQ(drafts(none(), {1, 1, 64, 99}, 0, 64)[0].keys.pieces().size(), 0U);
}

// A narrow window leaves 64 rows mostly waste.
TEST(BlockDrafter, WastefulBlocksAreSplitDownTo16Rows) {
  const AttentionShape shape{1, 1, 640, 640};
  const auto narrow =
      drafts(sliding_window({.left = 3, .right = 0}), shape, 128, 64);
  ASSERT_EQ(narrow.size(), 4U);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(narrow[i].rows, 16);
    EXPECT_EQ(narrow[i].q_begin, 128 + 16 * static_cast<int64_t>(i));
    EXPECT_EQ(narrow[i].key_count, 19);
  }
  EXPECT_EQ(
      drafts(sliding_window({.left = 63, .right = 0}), shape, 128, 64).size(),
      1U);
}

// Rows of scattered keys that no neighbour sees walk alone, and then nothing
// but what they see. Where keys are few, a block for each row costs more.
TEST(BlockDrafter, RowsOfScatteredKeysAreBlocksOfTheirOwn) {
  Tensor bits(DType::boolean, {64, 4096});
  std::mt19937 random(5);
  for (int64_t i = 0; i < bits.size(); ++i) {
    bits.mutable_data<bool>()[i] = random() % 20 == 0;
  }
  const auto rows = drafts(allow(bits), {1, 1, 64, 4096}, 0, 64);
  ASSERT_EQ(rows.size(), 64U);
  for (const BlockDraft& row : rows) {
    EXPECT_EQ(row.rows, 1);
    EXPECT_EQ(row.key_count, row.visible_pairs);
  }
  const auto few = drafts(allow(bits) & prefix(200), {1, 1, 64, 4096}, 0, 64);
  EXPECT_EQ(few.size(), 4U);
}

// Rows that see scattered keys in common gain nothing from a split.
TEST(BlockDrafter, BlocksThatASplitDoesNotHelpStayWhole) {
  std::string bits;
  for (int q = 0; q < 64; ++q) {
    for (int k = 0; k < 64; ++k) bits += (q + k) % 5 == 0 ? '1' : '0';
  }
  EXPECT_EQ(
      drafts(allow(booleans({64, 64}, bits)), {1, 1, 64, 64}, 0, 64).size(),
      1U);
}

TEST(BlockDrafter, LastRowsAreASmallerBlock) {
  const auto blocks = drafts(all(), {1, 1, 70, 5}, 64, 6);
  ASSERT_EQ(blocks.size(), 1U);
  EXPECT_EQ(blocks[0].all_rows(), 0x3FU);
  EXPECT_EQ(outline(blocks[0]), "0+5* ");
}

}  // namespace
}  // namespace maskwise::detail
