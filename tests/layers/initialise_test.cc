#include "maskwise/nn/initialise.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>

#include "maskwise/nn/transformer_layers.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {
namespace {

using nn::EncoderLayer;
using nn::initialise;
using nn::Linear;

nn::TransformerLayerOptions options() {
  return {.features = 8, .heads = 2, .hidden = 32};
}

// An even distribution over +-limit has the deviation limit / sqrt(3), and its
// square limit^2 / 3 the deviation limit^2 sqrt(4 / 45); 5 deviations of means
// are passed by 1 of 10^6 seeds, and this one is fixed.
TEST(Initialise, DrawsMatricesEvenlyFromTheRangeOfGlorotAndBengio) {
  Linear layer(100, 50);
  initialise(layer, 1);
  const double limit = 0.2;  // sqrt(6 / 150)
  double sum = 0;
  double squares = 0;
  double largest = 0;
  for (int64_t i = 0; i < 5000; ++i) {
    const double value = layer.weight.value.data<float>()[i];
    sum += value;
    squares += value * value;
    largest = std::fmax(largest, std::fabs(value));
  }
  const double spread = 5 / std::sqrt(5000.0);
  EXPECT_NEAR(sum / 5000, 0, limit / std::sqrt(3.0) * spread);
  EXPECT_NEAR(squares / 5000, limit * limit / 3,
              limit * limit * std::sqrt(4 / 45.0) * spread);
  EXPECT_LE(largest, limit + 0x1p-26);  // rounded to f32
  EXPECT_GT(largest, 0.99 * limit);     // all 5,000 below: e^-50
}

TEST(Initialise, LeavesBiasesAndNorms) {
  EncoderLayer layer(options());
  for (nn::Parameter* one : {&layer.norm1.weight, &layer.self_attn.in_proj_bias,
                             &layer.feed_forward.linear2.bias}) {
    one->value.mutable_data<float>()[3] = 7;
  }
  EncoderLayer before = layer;
  initialise(layer, 1);
  for (const auto& [name, value] : layer.parameters()) {
    EXPECT_EQ(static_cast<bool>(same_bits(value, before.parameters().at(name))),
              value.rank() == 1)
        << name;
  }
}

TEST(Initialise, ValuesDependOnTheSeedTheNameAndTheIndexAlone) {
  EncoderLayer one(options());
  EncoderLayer again(options());
  EncoderLayer other(options());
  initialise(one, 5);
  initialise(again, 5);
  initialise(again, 5);
  initialise(other, 6);
  for (const auto& [name, value] : one.parameters()) {
    EXPECT_TRUE(same_bits(value, again.parameters().at(name))) << name;
    if (value.rank() != 2) continue;
    EXPECT_FALSE(same_bits(value, other.parameters().at(name))) << name;
  }
  // Of another module, behind other parameters.
  nn::DecoderLayer decoder(options());
  initialise(decoder, 5);
  for (const char* name : {"linear1.weight", "self_attn.in_proj_weight"}) {
    EXPECT_TRUE(
        same_bits(decoder.parameters().at(name), one.parameters().at(name)))
        << name;
  }
  EXPECT_FALSE(same_bits(decoder.multihead_attn.in_proj_weight.value,
                         decoder.self_attn.in_proj_weight.value));
}

// No value stands twice, in one matrix or in two.
TEST(Initialise, ValuesAreDrawnApart) {
  nn::DecoderLayer layer(options());
  initialise(layer, 9);
  const Tensor self = layer.self_attn.in_proj_weight.value;
  const Tensor cross = layer.multihead_attn.in_proj_weight.value;
  int64_t equal = 0;
  for (int64_t i = 0; i < self.size(); ++i) {
    const float value = self.data<float>()[i];
    equal += value == cross.data<float>()[i] ? 1 : 0;
    if (i > 0) equal += value == self.data<float>()[i - 1] ? 1 : 0;
  }
  EXPECT_EQ(equal, 0);
}

}  // namespace
}  // namespace maskwise::testing
