#include "training/text_batch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/base/thrown_error.h"

namespace maskwise::testing {
namespace {

using nn::BatchLayout;
using nn::Padding;
using nn::TextExample;
using nn::detail::TextBatch;
using Ids = std::vector<int64_t>;

const std::vector<TextExample> kExamples = {
    {.source = {7, 5, 7}, .target = {4}, .number = 30},
    {.source = {6}, .target = {5, 5}, .number = 10},
    {.source = {5, 4}, .target = {6}, .number = 20}};

const std::vector<Ids> kIds = nn::detail::sources_of(kExamples);

Ids values(const Tensor& ids) {
  const auto* at = ids.data<int64_t>();
  return {at, at + ids.size()};
}

constexpr Padding kAll[] = {Padding::none, Padding::right, Padding::left,
                            Padding::between};

TEST(TextBatch, PacksTextsOneAfterTheOther) {
  const TextBatch texts(kIds);
  EXPECT_EQ(texts.ids().shape(), (Shape{1, 6}));
  EXPECT_EQ(values(texts.ids()), (Ids{7, 5, 7, 6, 5, 4}));
  ASSERT_TRUE(texts.packing());
  EXPECT_EQ(texts.batch().rows.sentences, (Ids{0, 0, 0, 1, 2, 2}));
  EXPECT_EQ(texts.batch().rows.positions, (Ids{0, 1, 2, 0, 0, 1}));
  EXPECT_EQ(texts.batch().rows.dropout, std::nullopt);
}

TEST(TextBatch, PadsWhereItIsTold) {
  const auto placed = [](Padding padding, int64_t extra) {
    const TextBatch texts(kIds, {.padding = padding, .extra = extra});
    EXPECT_FALSE(texts.packing());
    EXPECT_EQ(texts.ids().dim(0), 3);
    return values(texts.ids());
  };
  EXPECT_EQ(placed(Padding::right, 0), (Ids{7, 5, 7, 6, 0, 0, 5, 4, 0}));
  EXPECT_EQ(placed(Padding::right, 1),
            (Ids{7, 5, 7, 0, 6, 0, 0, 0, 5, 4, 0, 0}));
  EXPECT_EQ(placed(Padding::left, 1),
            (Ids{0, 7, 5, 7, 0, 0, 0, 6, 0, 0, 5, 4}));
  EXPECT_EQ(placed(Padding::between, 0),
            (Ids{7, 0, 5, 7, 6, 0, 0, 0, 5, 0, 4, 0}));
}

TEST(TextBatch, PaddingMovesNoPosition) {
  for (const Padding padding : {Padding::left, Padding::between}) {
    const TextBatch texts(kIds, {.padding = padding});
    const nn::TokenBatch batch = texts.batch();
    Ids positions;
    for (int64_t i = 0; i < texts.ids().size(); ++i) {
      if (texts.ids().data<int64_t>()[i] != 0) {
        positions.push_back(batch.rows.positions[static_cast<size_t>(i)]);
      }
    }
    EXPECT_EQ(positions, (Ids{0, 1, 2, 0, 0, 1}));
  }
}

TEST(TextBatch, AFillerStandsForPaddingWhereModelsRead) {
  const TextBatch texts(kIds, {.padding = Padding::left});
  EXPECT_EQ(values(texts.batch(9).ids), (Ids{7, 5, 7, 9, 9, 6, 9, 5, 4}));
  EXPECT_EQ(texts.batch(9).rows.positions, (Ids{0, 1, 2, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(values(texts.batch().ids), values(texts.ids()));
  EXPECT_EQ(values(texts.ids()), (Ids{7, 5, 7, 0, 0, 6, 0, 5, 4}));
}

TEST(TextBatch, SaysWhereTextsAre) {
  const TextBatch texts(kIds, {.padding = Padding::left});
  EXPECT_EQ(values(texts.presence()), (Ids{0, 0, 0, -1, -1, 0, -1, 0, 0}));
}

// Rows that hold their own ids come back as the texts.
TEST(TextBatch, FindsTheRowsOfEachText) {
  for (const Padding padding : kAll) {
    const TextBatch texts(kIds, {.padding = padding, .extra = 2});
    Tensor x(DType::f32, {texts.ids().dim(0), texts.ids().dim(1), 2});
    for (int64_t i = 0; i < texts.ids().size(); ++i) {
      const auto id = static_cast<float>(texts.ids().data<int64_t>()[i]);
      x.mutable_data<float>()[2 * i] = id;
      x.mutable_data<float>()[2 * i + 1] = -id;
    }
    for (size_t i = 0; i < kIds.size(); ++i) {
      const Tensor rows = texts.rows_of(x, i);
      ASSERT_EQ(rows.shape(), (Shape{std::ssize(kIds[i]), 2}));
      for (int64_t j = 0; j < rows.dim(0); ++j) {
        const auto id = static_cast<float>(kIds[i][static_cast<size_t>(j)]);
        EXPECT_EQ(rows.data<float>()[2 * j], id);
        EXPECT_EQ(rows.data<float>()[2 * j + 1], -id);
      }
    }
  }
}

TEST(TextBatch, AddsTheLossesOfEachText) {
  for (const Padding padding : kAll) {
    const TextBatch texts(kIds, {.padding = padding});
    Tensor losses(DType::f32, texts.ids().shape());
    for (int64_t i = 0; i < losses.size(); ++i) {
      losses.mutable_data<float>()[i] =
          static_cast<float>(texts.ids().data<int64_t>()[i]);
    }
    const std::vector<nn::LossSum> sums = texts.loss_sums(losses);
    ASSERT_EQ(sums.size(), 3U);
    EXPECT_EQ(sums[0].sum, 19);
    EXPECT_EQ(sums[0].targets, 3);
    EXPECT_EQ(sums[1].sum, 6);
    EXPECT_EQ(sums[2].sum, 9);
    EXPECT_EQ(sums[2].targets, 2);
  }
}

TEST(TextBatch, WhatIsDroppedFollowsTheNumbersOfExamples) {
  EXPECT_FALSE(nn::detail::dropout_of(kExamples, std::nullopt));
  const auto dropout = nn::detail::dropout_of(kExamples, 17);
  const nn::TokenRows packed = TextBatch(kIds, {}, dropout).batch().rows;
  EXPECT_EQ(packed.sentences, (Ids{30, 30, 30, 10, 20, 20}));
  EXPECT_EQ(packed.dropout, std::optional<uint64_t>(17));
  const nn::TokenRows padded =
      TextBatch(kIds, {.padding = Padding::right}, dropout).batch().rows;
  EXPECT_EQ(padded.sentences, (Ids{30, 30, 30, 10, 10, 10, 20, 20, 20}));
}

TEST(TextBatch, OfOneNumberAreSeveralDocumentsStill) {
  const TextBatch texts({{4, 4}, {4}}, {},
                        nn::detail::TextDropout{.numbers = {5, 5}, .seed = 1});
  const Tensor documents = texts.packing()->documents();
  const auto* at = documents.data<int64_t>();
  EXPECT_EQ(at[0], at[1]);
  EXPECT_NE(at[1], at[2]);
}

TEST(TextBatch, LessThanNoPaddingIsRefused) {
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument,
      "[batch] extra padding of -1; expected at least 0",
      [] { TextBatch(kIds, {.padding = Padding::right, .extra = -1}); }));
}

}  // namespace
}  // namespace maskwise::testing
