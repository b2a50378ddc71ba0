#include "maskwise/nn/token_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::Packing;
using nn::token_rows;
using nn::TokenRows;

using Numbers = std::vector<int64_t>;

// Padding at the right, at the left and in the middle, and nothing but it.
Tensor padded_ids() {
  return Tensor::from<int64_t>(
      {4, 4}, {5, 3, 8, 0, 0, 0, 7, 4, 9, 0, 0, 2, 0, 0, 0, 0});
}

TEST(TokenRows, PositionsCountTheTokensBeforeAndNotThePadding) {
  const TokenRows rows = token_rows(padded_ids());
  EXPECT_EQ(rows.sentences,
            (Numbers{0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}));
  EXPECT_EQ(rows.positions,
            (Numbers{0, 1, 2, 3, 0, 0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0}));
  EXPECT_FALSE(rows.dropout.has_value());
}

TEST(TokenRows, PaddingIsTheIdThatIsSaid) {
  const auto ids = Tensor::from<int32_t>({1, 4}, {3, 0, 3, 0});
  EXPECT_EQ(token_rows(ids, 3).positions, (Numbers{0, 0, 1, 1}));
  EXPECT_EQ(token_rows(ids, -1).positions, (Numbers{0, 1, 2, 3}));
}

TEST(TokenRows, BothTypesOfIdsAndAnyStridesGiveTheSame) {
  const auto turned = Tensor::from<int32_t>({3, 2}, {5, 0, 3, 7, 0, 4});
  const TokenRows rows = token_rows(turned.view().permuted({1, 0}));
  const TokenRows dense =
      token_rows(Tensor::from<int64_t>({2, 3}, {5, 3, 0, 0, 7, 4}));
  EXPECT_EQ(rows.sentences, dense.sentences);
  EXPECT_EQ(rows.positions, dense.positions);
  EXPECT_EQ(rows.positions, (Numbers{0, 1, 2, 0, 0, 1}));
}

TEST(TokenRows, NoRowsGiveNone) {
  for (const Shape& shape : {Shape{0, 4}, Shape{3, 0}}) {
    const TokenRows rows = token_rows(Tensor(DType::i64, shape));
    EXPECT_TRUE(rows.sentences.empty());
    EXPECT_TRUE(rows.positions.empty());
  }
}

TEST(TokenRows, RefuseWhatIsNoBatchOfIds) {
  const auto refuses = [](ErrorCode code, const std::string& message,
                          const TensorView& ids) {
    EXPECT_TRUE(throws_error(code, "[token_rows] " + message,
                             [&] { token_rows(ids); }));
    EXPECT_TRUE(
        throws_error(code, "[packing] " + message, [&] { Packing{ids}; }));
  };
  refuses(ErrorCode::shape_mismatch,
          "expected token ids of shape [B, L], got nothing", {});
  refuses(ErrorCode::shape_mismatch,
          "expected token ids of shape [B, L], got [4]",
          Tensor(DType::i64, {4}));
  refuses(ErrorCode::shape_mismatch,
          "expected token ids of shape [B, L], got [1, 2, 4]",
          Tensor(DType::i64, {1, 2, 4}));
  refuses(ErrorCode::invalid_argument,
          "expected token ids of type i32 or i64, got f32; convert them",
          Tensor(DType::f32, {1, 4}));
}

TEST(Packing, HoldsTheTokensWithTheirSentencesAndPositions) {
  const Packing packing(padded_ids());
  EXPECT_EQ(packing.tokens(), 7);
  EXPECT_TRUE(same_bits(packing.ids(),
                        Tensor::from<int64_t>({1, 7}, {5, 3, 8, 7, 4, 9, 2})));
  EXPECT_TRUE(same_bits(packing.documents(),
                        Tensor::from<int64_t>({1, 7}, {0, 0, 0, 1, 1, 2, 2})));
  EXPECT_EQ(packing.rows().sentences, (Numbers{0, 0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(packing.rows().positions, (Numbers{0, 1, 2, 0, 1, 0, 1}));
  EXPECT_EQ(packing.slots(), (Numbers{0, 1, 2, 6, 7, 8, 11}));
}

TEST(Packing, LeavesOutThePaddingAndPutsZerosInItsPlace) {
  const Packing packing(padded_ids());
  Tensor x(DType::f32, {4, 4, 3});
  std::fill_n(x.mutable_data<float>(), x.size(), kNan);
  Tensor expected(DType::f32, {4, 4, 3});
  Tensor tokens(DType::f32, {1, 7, 3});
  float value = 0;
  for (int64_t t = 0; t < 7; ++t) {
    const int64_t slot = packing.slots()[static_cast<size_t>(t)];
    for (int64_t j = 0; j < 3; ++j) {
      value += 1;
      x.mutable_data<float>()[slot * 3 + j] = value;
      expected.mutable_data<float>()[slot * 3 + j] = value;
      tokens.mutable_data<float>()[t * 3 + j] = value;
    }
  }
  EXPECT_TRUE(same_bits(packing.pack(x), tokens));
  EXPECT_TRUE(same_bits(packing.unpack(tokens), expected));
  EXPECT_TRUE(same_bits(packing.pack(packing.unpack(tokens)), tokens));
}

TEST(Packing, ReadsRowsOfAnyStrides) {
  Rng rng(31);
  const Packing packing(Tensor::from<int64_t>({2, 3}, {5, 3, 0, 0, 7, 4}));
  const Tensor stored = normal(rng, {3, 2, 4});
  const TensorView turned = stored.view().permuted({1, 0, 2});
  EXPECT_TRUE(
      same_bits(packing.pack(turned), packing.pack(Tensor::copy_of(turned))));
}

TEST(Packing, OfNothingButPaddingHasNoTokens) {
  const Packing packing(Tensor(DType::i64, {2, 3}));
  EXPECT_EQ(packing.tokens(), 0);
  EXPECT_EQ(packing.ids().shape(), (Shape{1, 0}));
  EXPECT_EQ(packing.pack(Tensor(DType::f32, {2, 3, 4})).shape(),
            (Shape{1, 0, 4}));
  EXPECT_TRUE(same_bits(packing.unpack(Tensor(DType::f32, {1, 0, 4})),
                        Tensor(DType::f32, {2, 3, 4})));
}

TEST(Packing, RefusesRowsOfAnotherBatch) {
  const Packing packing(Tensor::from<int64_t>({2, 3}, {5, 3, 0, 0, 7, 4}));
  const auto refuses = [](const std::string& message, const auto& call) {
    EXPECT_TRUE(
        throws_error(ErrorCode::shape_mismatch, "[packing] " + message, call));
  };
  refuses("expected x as f32 of shape [2, 3, 4], got [3, 2, 4] of f32", [&] {
    packing.pack(Tensor(DType::f32, {3, 2, 4}));
  });
  refuses("expected x as f32 of shape [2, 3, 1], got [2, 3] of f32", [&] {
    packing.pack(Tensor(DType::f32, {2, 3}));
  });
  refuses("expected x as f32 of shape [2, 3, 4], got [2, 3, 4] of f16", [&] {
    packing.pack(Tensor(DType::f16, {2, 3, 4}));
  });
  refuses("expected x as f32 of shape [2, 3, 1], got nothing",
          [&] { packing.pack({}); });
  refuses("expected x as f32 of shape [1, 4, 2], got [1, 5, 2] of f32", [&] {
    packing.unpack(Tensor(DType::f32, {1, 5, 2}));
  });
}

}  // namespace
}  // namespace maskwise::testing
