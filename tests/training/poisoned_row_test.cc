#include "training/poisoned_row.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

namespace maskwise::testing {
namespace {

TEST(PoisonedRow, HoldsNanForAWhileAndThenWhatItHeld) {
  nn::TokenEmbedding embedding({.tokens = 3, .features = 2, .max_length = 4});
  Tensor weight = embedding.embedding.weight.value;
  for (int64_t i = 0; i < weight.size(); ++i) {
    weight.mutable_data<float>()[i] = static_cast<float>(i);
  }
  {
    const nn::detail::PoisonedRow poison(embedding, 1);
    for (int64_t i = 0; i < weight.size(); ++i) {
      EXPECT_EQ(std::isnan(weight.data<float>()[i]), i == 2 || i == 3) << i;
    }
  }
  for (int64_t i = 0; i < weight.size(); ++i) {
    EXPECT_EQ(weight.data<float>()[i], static_cast<float>(i));
  }
}

}  // namespace
}  // namespace maskwise::testing
