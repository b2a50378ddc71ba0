#include "training/text_batch.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace maskwise::testing {
namespace {

using nn::TextExample;
using nn::detail::PackedTexts;
using Ids = std::vector<int64_t>;

const std::vector<TextExample> kExamples = {
    {.source = {7, 5, 7}, .target = {4}, .number = 30},
    {.source = {6}, .target = {5, 5}, .number = 10},
    {.source = {5, 4}, .target = {6}, .number = 20}};

TEST(PackedTexts, FollowEachOtherWithoutPadding) {
  const PackedTexts texts(nn::detail::sources_of(kExamples),
                          nn::detail::numbers_of(kExamples), std::nullopt);
  const TensorView ids = texts.batch().ids;
  EXPECT_EQ(ids.shape(), (Shape{1, 6}));
  const Tensor packed = texts.packing().ids();
  const auto* at = packed.data<int64_t>();
  EXPECT_EQ(Ids(at, at + packed.size()), (Ids{7, 5, 7, 6, 5, 4}));
}

TEST(PackedTexts, HaveTheNumbersOfTheirExamplesAndPositionsFromZero) {
  const PackedTexts texts(nn::detail::sources_of(kExamples),
                          nn::detail::numbers_of(kExamples), 17);
  const nn::TokenRows rows = texts.batch().rows;
  EXPECT_EQ(rows.sentences, (Ids{30, 30, 30, 10, 20, 20}));
  EXPECT_EQ(rows.positions, (Ids{0, 1, 2, 0, 0, 1}));
  EXPECT_EQ(rows.dropout, std::optional<uint64_t>(17));
}

TEST(PackedTexts, AreSentencesOfTheirOwnWhereNothingIsDropped) {
  const PackedTexts texts({{4, 4}, {4}}, {5, 5}, std::nullopt);
  EXPECT_EQ(texts.batch().rows.sentences, (Ids{0, 0, 1}));
  EXPECT_EQ(texts.batch().rows.dropout, std::nullopt);
}

TEST(PackedTexts, OfOneNumberAreSeveralDocumentsStill) {
  const PackedTexts texts({{4, 4}, {4}}, {5, 5}, std::nullopt);
  const Tensor documents = texts.packing().documents();
  const auto* at = documents.data<int64_t>();
  EXPECT_EQ(at[0], at[1]);
  EXPECT_NE(at[1], at[2]);
}

}  // namespace
}  // namespace maskwise::testing
