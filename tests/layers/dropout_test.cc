#include "maskwise/nn/dropout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::Dropout;
using nn::Packing;
using nn::token_rows;
using nn::TokenRows;

using Numbers = std::vector<int64_t>;

Tensor ones(const Shape& shape) {
  Tensor tensor(DType::f32, shape);
  std::fill_n(tensor.mutable_data<float>(), tensor.size(), 1.0F);
  return tensor;
}

// The factors of rows [1, L, features].
Tensor factors(const Dropout& dropout, const TokenRows& rows,
               int64_t features) {
  return dropout.apply(ones({1, std::ssize(rows.positions), features}), rows);
}

// `count` tokens of one sentence.
TokenRows tokens(int64_t count, uint64_t seed, int64_t sentence = 0) {
  TokenRows rows = {.dropout = seed};
  for (int64_t i = 0; i < count; ++i) {
    rows.sentences.push_back(sentence);
    rows.positions.push_back(i);
  }
  return rows;
}

// Share of elements in which two results are both dropped or both kept.
double agreement(const Tensor& a, const Tensor& b) {
  int64_t equal = 0;
  for (int64_t i = 0; i < a.size(); ++i) {
    equal += (a.data<float>()[i] == 0) == (b.data<float>()[i] == 0) ? 1 : 0;
  }
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

// `n` draws of a share are off by 5 standard deviations in 1 of 10^6 seeds; the
// seeds are fixed.
double share_error(double share, int64_t n) {
  return 5 * std::sqrt(share * (1 - share) / static_cast<double>(n));
}

TEST(Dropout, DropsAShareOfPAndDividesTheRest) {
  for (const double p : {0.1, 0.25, 0.5, 0.9}) {
    const Tensor found = factors(Dropout(p), tokens(2048, 1), 32);
    int64_t dropped = 0;
    for (int64_t i = 0; i < found.size(); ++i) {
      const float factor = found.data<float>()[i];
      dropped += factor == 0 ? 1 : 0;
      // p is rounded by 2^-17 at most, f32 by 2^-24.
      if (factor != 0) {
        ASSERT_NEAR(factor * (1 - p), 1, 0x1p-17 / (1 - p) + 0x1p-24);
      }
    }
    EXPECT_NEAR(static_cast<double>(dropped) / 65536.0, p,
                share_error(p, found.size()))
        << p;
  }
}

TEST(Dropout, KeptFeaturesOfAHalfAreExactlyDoubled) {
  Rng rng(37);
  const Tensor x = normal(rng, {1, 8, 32});
  const TokenRows rows = tokens(8, 1);
  const Tensor y = Dropout(0.5).apply(x, rows);
  const Tensor each = factors(Dropout(0.5), rows, 32);
  for (int64_t i = 0; i < x.size(); ++i) {
    const float expected =
        each.data<float>()[i] == 0 ? 0 : 2 * x.data<float>()[i];
    ASSERT_EQ(y.data<float>()[i], expected) << i;
  }
  EXPECT_GT(agreement(each, ones(each.shape())), 0.1);
  EXPECT_LT(agreement(each, ones(each.shape())), 0.9);
}

TEST(Dropout, ProbabilitiesNearZeroAndOneAreRounded) {
  const Tensor all = factors(Dropout(1e-9), tokens(64, 2), 32);
  EXPECT_TRUE(same_bits(all, ones(all.shape())));
  const Tensor few = factors(Dropout(1 - 1e-9), tokens(16384, 2), 64);
  int64_t kept = 0;
  for (int64_t i = 0; i < few.size(); ++i) {
    const float factor = few.data<float>()[i];
    ASSERT_TRUE(factor == 0 || factor == 65536) << factor;
    kept += factor == 0 ? 0 : 1;
  }
  // 2^20 draws of 2^-16: 16, and 5 standard deviations of 4.
  EXPECT_GT(kept, 0);
  EXPECT_LE(kept, 36);
}

TEST(Dropout, WhatIsDroppedIsZeroWhateverItWas) {
  const TokenRows rows = tokens(4, 3);
  const Dropout dropout(0.5);
  const Tensor each = factors(dropout, rows, 32);
  for (const float odd : {kNan, kInf, kMinusInf, -1.0F}) {
    Tensor x(DType::f32, {1, 4, 32});
    std::fill_n(x.mutable_data<float>(), x.size(), odd);
    const Tensor y = dropout.apply(x, rows);
    for (int64_t i = 0; i < y.size(); ++i) {
      const bool dropped = each.data<float>()[i] == 0;
      EXPECT_EQ(bits_of(y, i) == "0x0", dropped) << odd << ", " << i;
    }
  }
}

TEST(Dropout, WithoutASeedOrAProbabilityNoBitIsChanged) {
  Rng rng(38);
  Tensor x = normal(rng, {2, 3, 5});
  x.mutable_data<float>()[4] = kNan;
  x.mutable_data<float>()[5] = -0.0F;
  EXPECT_TRUE(same_bits(Dropout(0.5).apply(x, {}), x));
  EXPECT_TRUE(same_bits(Dropout(0).apply(x, {.dropout = 1}), x));
  EXPECT_FALSE(same_bits(Dropout(0.5).apply(x, {.dropout = 1}), x));
  EXPECT_FALSE(Dropout(0.5).is_active({}));
  EXPECT_FALSE(Dropout(0).is_active({.dropout = 1}));
  EXPECT_TRUE(Dropout(0.5).is_active({.dropout = 0}));
}

// Choices that belong to different seeds, sites, sentences, positions or
// features agree by chance alone: p^2 + (1 - p)^2 of them.
TEST(Dropout, ChoicesOfOtherSeedsSitesAndTokensAreIndependent) {
  constexpr double kShare = 0.25 * 0.25 + 0.75 * 0.75;
  constexpr int64_t kTokens = 1024;
  constexpr int64_t kFeatures = 32;
  const auto choices = [](uint64_t seed, uint64_t site, int64_t sentence) {
    return factors(Dropout(0.25, site), tokens(kTokens, seed, sentence),
                   kFeatures);
  };
  const Tensor one = choices(1, 0, 0);
  const double error = share_error(kShare, one.size());
  EXPECT_NEAR(agreement(one, choices(2, 0, 0)), kShare, error);
  EXPECT_NEAR(agreement(one, choices(1, 1, 0)), kShare, error);
  EXPECT_NEAR(agreement(one, choices(1, uint64_t{1} << 32U, 0)), kShare, error);
  EXPECT_NEAR(agreement(one, choices(1, 0, 1)), kShare, error);
  EXPECT_NEAR(agreement(one, choices(0, 1, 0)), kShare, error);
  EXPECT_TRUE(same_bits(one, choices(1, 0, 0)));
  // Against itself, moved by 1 to 5 features and by 1 to 5 tokens.
  for (int64_t i = 1; i <= 5; ++i) {
    for (const int64_t by : {i, i * kFeatures}) {
      const int64_t count = one.size() - by;
      const TensorView from(one.data<float>(), DType::f32, {count});
      const TensorView to(one.data<float>() + by, DType::f32, {count});
      EXPECT_NEAR(agreement(Tensor::copy_of(from), Tensor::copy_of(to)), kShare,
                  error)
          << by;
    }
  }
}

TEST(Dropout, AFeatureIsDroppedWhateverTheNumberOfFeatures) {
  const TokenRows rows = tokens(16, 4);
  const Tensor wide = factors(Dropout(0.5), rows, 11);
  for (const int64_t features : {1, 4, 6}) {
    const Tensor narrow = factors(Dropout(0.5), rows, features);
    const TensorView part(wide.data<float>(), DType::f32, {1, 16, features},
                          {176, 11, 1});
    EXPECT_TRUE(same_bits(narrow, Tensor::copy_of(part))) << features;
  }
}

TEST(Dropout, RowsMayHaveMoreThanOneAxis) {
  Rng rng(39);
  const Tensor x = normal(rng, {2, 3, 2, 4});
  const TensorView flat(x.data<float>(), DType::f32, {2, 3, 8});
  const TokenRows rows = {.dropout = 5};
  const Tensor y = Dropout(0.5).apply(flat, rows);
  const TensorView shaped(y.data<float>(), DType::f32, x.shape());
  EXPECT_TRUE(same_bits(Dropout(0.5).apply(x, rows), Tensor::copy_of(shaped)));
}

// One batch of three sentences, and what it becomes.
class DropoutOfABatch : public ::testing::Test {
 protected:
  static constexpr int64_t kFeatures = 10;

  // Dropped rows of the tokens of ids [B, L], packed, whose batch items are the
  // sentences of these numbers.
  Tensor dropped(const Tensor& ids, const Numbers& sentences) const {
    TokenRows rows = token_rows(ids);
    for (int64_t& each : rows.sentences) {
      each = sentences[static_cast<size_t>(each)];
    }
    rows.dropout = 6;
    const Tensor x = ones({ids.dim(0), ids.dim(1), kFeatures});
    return Packing(ids).pack(dropout_.apply(x, rows));
  }

  // Rows [first, first + count) of the whole batch's.
  Tensor whole(int64_t first, int64_t count) const {
    return Tensor::copy_of(TensorView(whole_.data<float>() + first * kFeatures,
                                      DType::f32, {1, count, kFeatures}));
  }

  const Dropout dropout_ = Dropout(0.5, 9);
  const Tensor ids_ =
      Tensor::from<int64_t>({3, 4}, {5, 3, 8, 0, 7, 0, 0, 0, 6, 9, 5, 2});
  const Tensor whole_ = dropped(ids_, {0, 1, 2});
};

TEST_F(DropoutOfABatch, PaddingChangesNoBit) {
  const auto wider = Tensor::from<int64_t>(
      {3, 6}, {5, 3, 8, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 6, 0, 9, 5, 2});
  EXPECT_TRUE(same_bits(dropped(wider, {0, 1, 2}), whole_));
}

TEST_F(DropoutOfABatch, ShufflingAndSplittingChangeNoBit) {
  const auto first = Tensor::from<int64_t>({1, 3}, {5, 3, 8});
  const auto others = Tensor::from<int64_t>({2, 4}, {6, 9, 5, 2, 0, 7, 0, 0});
  EXPECT_TRUE(same_bits(dropped(first, {0}), whole(0, 3)));
  const Tensor found = dropped(others, {2, 1});
  const auto row_of = [](const Tensor& rows, int64_t first_row, int64_t count) {
    return Tensor::copy_of(
        TensorView(rows.data<float>() + first_row * kFeatures, DType::f32,
                   {1, count, kFeatures}));
  };
  EXPECT_TRUE(same_bits(row_of(found, 0, 4), whole(4, 4)));
  EXPECT_TRUE(same_bits(row_of(found, 4, 1), whole(3, 1)));
  EXPECT_FALSE(same_bits(dropped(first, {1}), whole(0, 3)));
}

TEST_F(DropoutOfABatch, PackingChangesNoBit) {
  const Packing packing(ids_);
  TokenRows rows = packing.rows();
  rows.dropout = 6;
  EXPECT_TRUE(same_bits(
      dropout_.apply(ones({1, packing.tokens(), kFeatures}), rows), whole_));
}

TEST(Dropout, RefusesWhatIsNoProbability) {
  for (const double p : {-0.1, 1.0, 1.5, static_cast<double>(kNan)}) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument,
                             "; expected a probability from 0 on and below 1",
                             [&] { Dropout{p}; }))
        << p;
  }
  EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, "[dropout] p is 1.5;",
                           [] { Dropout{1.5}; }));
}

TEST(Dropout, RefusesWhatDoesNotFit) {
  const Dropout dropout(0.5);
  const auto refuses = [&](ErrorCode code, const std::string& message,
                           const TensorView& x, const TokenRows& rows) {
    EXPECT_TRUE(throws_error(code, "[dropout] " + message,
                             [&] { dropout.apply(x, rows); }));
  };
  const auto misfit = ErrorCode::shape_mismatch;
  const TokenRows seeded = {.dropout = 1};
  refuses(misfit, "expected x as f32 of shape [B, L, ...], got nothing", {},
          seeded);
  refuses(misfit, "expected x as f32 of shape [B, L, ...], got [4]",
          Tensor(DType::f32, {4}), seeded);
  refuses(misfit,
          "expected x as f32 of shape [B, L, ...], got [1, 2, 4] of f16",
          Tensor(DType::f16, {1, 2, 4}), seeded);
  const Tensor x(DType::f32, {1, 2, 4});
  refuses(misfit, "expected sentences of 2 rows, one for each of x, got 3", x,
          {.sentences = {0, 0, 0}, .dropout = 1});
  refuses(misfit, "expected positions of 2 rows, one for each of x, got 1", x,
          {.positions = {0}, .dropout = 1});
  refuses(ErrorCode::invalid_argument, "position -1 of row 1", x,
          {.positions = {0, -1}, .dropout = 1});
}

}  // namespace
}  // namespace maskwise::testing
