#include "layers/sentence_means.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::detail::SentenceMeans;
using Ids = std::vector<int64_t>;

// Sentence 7 has two tokens, one of which lies behind sentence 3; sentence 4
// has none.
TEST(SentenceMeans, AreThoseOfTheTokensInTheOrderOfTheSentences) {
  const SentenceMeans means({7, 7, 3, 3, 7, 4}, Ids{1, 0, 2, 3, 4, 0}, 0);
  const auto x = Tensor::from<float>(
      {2, 3, 2}, {1, 2, kNan, kNan, 5, 7, 6, 8, 2, 10, kInf, kNan});
  EXPECT_TRUE(same_bits(
      means.of(x), Tensor::from<float>({3, 2}, {1.5F, 6, 5.5F, 7.5F, 0, 0})));
}

TEST(SentenceMeans, AreChainsInAscendingOrder) {
  const SentenceMeans means({0, 0, 0, 1, 1, 1}, Ids{1, 1, 1, 1, 1, 1}, 0);
  const auto x = Tensor::from<float>(
      {2, 3, 1}, {0x1p24F, 1, -0x1p24F, 0x1p24F, -0x1p24F, 3});
  EXPECT_TRUE(
      same_bits(means.of(x), Tensor::from<float>({2, 1}, {0, 3 * (1.0F / 3)})));
}

TEST(SentenceMeans, GradientsAreSharedByTheTokens) {
  const SentenceMeans means({7, 7, 3, 3, 7, 4}, Ids{1, 0, 2, 3, 4, 0}, 0);
  const auto d_means = Tensor::from<float>({3, 2}, {2, 4, 8, 16, kNan, kNan});
  EXPECT_TRUE(same_bits(
      means.back(d_means, {2, 3, 2}),
      Tensor::from<float>({2, 3, 2}, {1, 2, 0, 0, 4, 8, 4, 8, 1, 2, 0, 0})));
}

TEST(SentenceMeans, PaddingIsTheIdThatIsSaid) {
  const auto x = Tensor::from<float>({1, 2, 1}, {2, 4});
  EXPECT_EQ(SentenceMeans({0, 0}, Ids{0, 5}, 5).of(x).data<float>()[0], 2);
  EXPECT_EQ(SentenceMeans({0, 0}, Ids{0, 5}, -1).of(x).data<float>()[0], 3);
}

TEST(SentenceMeans, OfNoRowsAreNone) {
  EXPECT_EQ(SentenceMeans({}, {}, 0).of(Tensor(DType::f32, {0, 3, 4})).shape(),
            (Shape{0, 4}));
}

}  // namespace
}  // namespace maskwise::testing
