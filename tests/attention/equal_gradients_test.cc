// Calls that mean the same have gradients of the same bits: whatever stands in
// front of a sequence or behind it, and however the mask is worded.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/support/attention_rows.h"
#include "tests/support/gradient_case.h"
#include "tests/support/mask_wordings.h"
#include "tests/support/sequences.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 1918;

std::vector<GradientCase> single_gradients() {
  Rng rng(kSeed);
  std::vector<GradientCase> result;
  for (const AttentionCase& call : single_sequences(kSeed)) {
    result.push_back(with_gradients(rng, call, true));
  }
  return result;
}

// All of them in one call; what is between them is NaN in d_o and d_lse, too.
GradientCase together(const std::vector<GradientCase>& sequences,
                      const std::vector<Slot>& slots, int64_t batch,
                      int64_t length) {
  std::vector<AttentionCase> calls;
  std::vector<TensorView> d_o;
  std::vector<TensorView> d_lse;
  for (const GradientCase& each : sequences) {
    calls.push_back(each.call);
    d_o.push_back(each.d_o);
    d_lse.emplace_back(each.d_lse.bytes(), DType::f32,
                       Shape{1, 2, each.call.shape.q_len, 1});
  }
  GradientCase result;
  result.call = together(calls, slots, batch, length);
  result.d_o = result.call.own(placed(d_o, slots, batch, length));
  const TensorView rows = result.call.own(placed(d_lse, slots, batch, length));
  result.d_lse = TensorView(rows.bytes(), DType::f32, {batch, 2, length});
  return result;
}

// Each sequence gets the gradients that it would get by itself.
void expect_each_as_if_alone(const std::vector<GradientCase>& sequences,
                             const std::vector<Slot>& slots,
                             const GradientCase& gradient) {
  const AttentionGradients result = gradient.run();
  for (size_t i = 0; i < sequences.size(); ++i) {
    const auto [b, begin] = slots[i];
    const int64_t length = sequences[i].call.shape.q_len;
    const AttentionGradients alone = sequences[i].run();
    for (int64_t h = 0; h < 2; ++h) {
      EXPECT_TRUE(same_bits(rows_of(result.dq, {b, h, begin}, length),
                            rows_of(alone.dq, {0, h, 0}, length)))
          << "dq of sequence " << i << ", head " << h;
    }
    EXPECT_TRUE(same_bits(rows_of(result.dk, {b, 0, begin}, length),
                          rows_of(alone.dk, {0, 0, 0}, length)))
        << "dk of sequence " << i;
    EXPECT_TRUE(same_bits(rows_of(result.dv, {b, 0, begin}, length),
                          rows_of(alone.dv, {0, 0, 0}, length)))
        << "dv of sequence " << i;
  }
}

// Padding rows see the sequence unless it is said that they are padding, and
// then the keys hear from them: a loss must not ask for them, or the mask not
// let them see. Here the mask does not.
Mask tokens_only(const Tensor& ids) { return padding(ids) & documents(ids); }

TEST(EqualGradientsTest, RightPaddingChangesNoBit) {
  const std::vector<GradientCase> sequences = single_gradients();
  const std::vector<Slot> slots = slots_at_the_left();
  GradientCase gradient = together(sequences, slots, 4, kPaddedLength);
  for (const Mask& padded :
       {lengths(sequence_lengths()) & q_lengths(sequence_lengths()),
        tokens_only(tokens_at(slots))}) {
    gradient.call.mask = causal() & padded;
    expect_each_as_if_alone(sequences, slots, gradient);
  }
}

TEST(EqualGradientsTest, LeftPaddingChangesNoBit) {
  const std::vector<GradientCase> sequences = single_gradients();
  const std::vector<Slot> slots = slots_at_the_right();
  GradientCase gradient = together(sequences, slots, 4, kPaddedLength);
  gradient.call.mask = causal() & tokens_only(tokens_at(slots));
  expect_each_as_if_alone(sequences, slots, gradient);
}

TEST(EqualGradientsTest, PackingDocumentsIsRunningThemApart) {
  const std::vector<GradientCase> sequences = single_gradients();
  const auto [slots, ids] = packed_sequences(1100);
  GradientCase gradient = together(sequences, slots, 1, 1100);
  gradient.call.mask = causal() & documents(ids);
  expect_each_as_if_alone(sequences, slots, gradient);
}

// A wording by a bias has a gradient of it, which is that of a bias of zeros.
void expect_same_bits_in_every_wording(const Meaning& meaning) {
  Rng rng(kSeed);
  const std::vector<Wording> wordings = every_wording(meaning);
  AttentionCase call = make_case(rng, meaning.shape, wordings[0].mask);
  add_gentle_alibi(call);
  GradientCase gradient = with_gradients(rng, call, true);
  const AttentionGradients expected = gradient.run(Backend::reference);
  const auto& [batch, heads, q_len, kv_len] = meaning.shape;
  gradient.call.bias = Tensor(DType::f32, {batch, heads, q_len, kv_len});
  const AttentionGradients with_bias = gradient.run(Backend::reference);
  EXPECT_TRUE(same_bits(with_bias.dq, expected.dq));
  for (const Wording& wording : wordings) {
    SCOPED_TRACE(wording.name);
    gradient.call.mask = wording.mask;
    gradient.call.bias = wording.bias;
    EXPECT_TRUE(same_bits(gradient.run(),
                          wording.bias.defined() ? with_bias : expected));
  }
}

TEST(EqualGradientsTest, EveryWordingOfAMaskGivesTheSameBits) {
  expect_same_bits_in_every_wording({{2, 2, 9, 9}, 0, {9, 5}});
}

TEST(EqualGradientsTest, EveryWordingOfALongMaskGivesTheSameBits) {
  expect_same_bits_in_every_wording({{2, 2, 66, 1400}, 1000, {1400, 1040}});
}

}  // namespace
}  // namespace maskwise::testing
