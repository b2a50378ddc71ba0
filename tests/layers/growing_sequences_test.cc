#include "layers/growing_sequences.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"

namespace maskwise::testing {
namespace {

using nn::detail::GrowingSequences;
using nn::detail::NewTokens;
using nn::detail::StepRows;

using Numbers = std::vector<int64_t>;

// Of 2, 0 and 4 tokens; at most 5.
GrowingSequences three_sequences() {
  GrowingSequences three("test", 3, 5, 9);
  three.grow(three.checked({0, 2, 2, 0, 2, 2}, Numbers(6, 1)));
  return three;
}

Numbers lengths_of(const GrowingSequences& sequences) {
  Numbers lengths;
  for (int64_t i = 0; i < sequences.count(); ++i) {
    lengths.push_back(sequences.length(i));
  }
  return lengths;
}

TEST(GrowingSequences, AMaskThatSeesLaterTokensIsRefused) {
  const AttentionShape shape = {
      .batch = 2, .heads = 1, .q_len = 4, .kv_len = 4};
  for (const Mask& mask : {all(), sliding_window({.left = 2, .right = 1}),
                           causal() | prefix(PerBatch({0, 2}))}) {
    EXPECT_TRUE(
        throws_error(ErrorCode::invalid_argument,
                     "[test] the mask lets a token see later ones",
                     [&] { nn::detail::growing_plan("test", mask, shape); }));
  }
  EXPECT_EQ(nn::detail::growing_plan("test", causal() & ~prefix(1), shape)
                .stats()
                .visible_pairs,
            12);
}

TEST(GrowingSequences, BeginEmptyAndGrowByTheRowsOfAStep) {
  EXPECT_EQ(lengths_of(GrowingSequences("test", 3, 9, 9)), (Numbers{0, 0, 0}));
  GrowingSequences three = three_sequences();
  EXPECT_EQ(lengths_of(three), (Numbers{2, 0, 4}));
  const StepRows rows = three.checked({1, 0, 1, 2}, {7, 7, 7, 7});
  EXPECT_EQ(rows.positions, (Numbers{0, 2, 1, 4}));
  EXPECT_EQ(lengths_of(three), (Numbers{2, 0, 4})) << "before grow()";
  three.grow(rows);
  EXPECT_EQ(lengths_of(three), (Numbers{3, 2, 5}));
}

TEST(GrowingSequences, SizesThatCannotBeAreRefused) {
  const auto refuses = [](ErrorCode code, const std::string& fragment,
                          int64_t count, int64_t max_length) {
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      GrowingSequences("some_state", count, max_length, 9);
    }));
  };
  using enum ErrorCode;
  refuses(invalid_argument, "[some_state] 0 sequences; expected at least 1", 0,
          5);
  refuses(limit, "[some_state] a max_length of 0 tokens; expected from 1 to 9",
          1, 0);
  refuses(limit, "a max_length of 10 tokens", 1, 10);
}

TEST(GrowingSequences, TokensOfIdsAreThoseThatAreNotPadding) {
  const GrowingSequences three("test", 3, 5, 9);
  const NewTokens found = three.tokens_of(
      Tensor::from<int32_t>({3, 3}, {4, 8, 6, 8, 8, 8, 8, 2, 3}), 8);
  EXPECT_EQ(found.sequences, (Numbers{0, 0, 2, 2}));
  EXPECT_EQ(found.tokens, (Numbers{4, 6, 2, 3}));
  EXPECT_EQ(found.slots, (Numbers{0, 2, 7, 8}));
  const Tensor none = Tensor::from<int64_t>({3, 0}, {});
  EXPECT_TRUE(three.tokens_of(none, 8).tokens.empty());
}

TEST(GrowingSequences, IdsOfAnotherShapeAreRefused) {
  const GrowingSequences three("test", 3, 5, 9);
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch,
      "expected token ids of shape [3, n], one row for each sequence, got "
      "[2, 3]",
      [&] {
        three.tokens_of(Tensor(DType::i64, {2, 3}), 0);
      }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "of shape [B, L], got nothing",
                           [&] { three.tokens_of({}, 0); }));
}

TEST(GrowingSequences, StepsThatDoNotFitAreRefused) {
  const GrowingSequences three = three_sequences();
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const Numbers& sequences, const Numbers& tokens) {
    EXPECT_TRUE(throws_error(code, fragment,
                             [&] { three.checked(sequences, tokens); }));
  };
  using enum ErrorCode;
  refuses(shape_mismatch,
          "1 sequences and 2 tokens; expected one token for each", {1}, {5, 5});
  refuses(invalid_argument, "sequence 3; expected one from 0 to 2", {0, 3},
          {5, 5});
  refuses(invalid_argument, "sequence -1", {-1}, {5});
  refuses(limit,
          "sequence 2 would have 6 tokens; expected at most 5, its max_length",
          {2, 0, 2}, {5, 5, 5});
  EXPECT_EQ(three.checked({2, 0}, {5, 5}).count(), 2) << "just fits";
  EXPECT_EQ(three.checked({}, {}).count(), 0);
}

TEST(GrowingSequences, SelectTakesLengthsOrChangesNothing) {
  GrowingSequences three = three_sequences();
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "2 sequences to select; expected 3, one for each",
                           [&] {
                             three.select({1, 2});
                           }));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "sequence 3; expected one from 0 to 2", [&] {
                             three.select({2, 2, 3});
                           }));
  EXPECT_EQ(lengths_of(three), (Numbers{2, 0, 4}));
  three.select({2, 2, 0});
  EXPECT_EQ(lengths_of(three), (Numbers{4, 4, 2}));
}

TEST(GrowingSequences, EmbeddedTokensStandAtTheirPositions) {
  nn::TokenEmbedding table(
      {.tokens = 4, .features = 2, .max_length = 6, .pad = 3});
  for (int64_t i = 0; i < 8; ++i) {
    table.embedding.weight.value.mutable_data<float>()[i] =
        static_cast<float>(i);
  }
  const StepRows rows = nn::detail::step_rows({1, 0, 1}, {5, 2});
  const Tensor found = nn::detail::embedded(table, {0, 2, 1}, rows);
  const Tensor expected = table.forward(
      Tensor::from<int64_t>({1, 3}, {0, 2, 1}), {.positions = {2, 5, 3}});
  EXPECT_EQ(found.shape(), (Shape{3, 2}));
  EXPECT_TRUE(same_bits(
      found,
      Tensor::copy_of(TensorView(expected.data<float>(), DType::f32, {3, 2}))));
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                           "token 3 is padding; expected tokens that are there",
                           [&] {
                             nn::detail::embedded(table, {0, 3, 1}, rows);
                           }));
}

TEST(GrowingSequences, LogitsGoToTheSlotsOfTheirTokens) {
  const Tensor ids = Tensor::from<int64_t>({2, 2}, {0, 5, 6, 0});
  const NewTokens tokens = {{0, 1}, {5, 6}, {1, 2}};
  const Tensor logits = Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_TRUE(same_bits(
      nn::detail::unpacked_logits(logits, tokens, ids),
      Tensor::from<float>({2, 2, 3}, {0, 0, 0, 1, 2, 3, 4, 5, 6, 0, 0, 0})));
}

}  // namespace
}  // namespace maskwise::testing
