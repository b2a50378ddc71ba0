// Calls that mean the same give the same bits: whatever stands beside an item,
// in front of it or behind it, and however the mask is worded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_bits.h"
#include "tests/support/attention_random.h"
#include "tests/support/attention_rows.h"
#include "tests/support/mask_wordings.h"
#include "tests/support/sequences.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 1917;

// Each sequence gets what it would get by itself.
void expect_each_as_if_alone(const std::vector<AttentionCase>& sequences,
                             const std::vector<Slot>& slots,
                             const AttentionCase& call) {
  const AttentionResult result = call.run();
  for (size_t i = 0; i < sequences.size(); ++i) {
    const AttentionResult alone = sequences[i].run();
    const int64_t length = sequences[i].shape.q_len;
    for (int64_t h = 0; h < 2; ++h) {
      EXPECT_TRUE(same_bits(rows_of(result, Layout::bhld,
                                    {slots[i].b, h, slots[i].begin}, length),
                            rows_of(alone, Layout::bhld, {0, h, 0}, length)))
          << "sequence " << i << ", head " << h;
    }
  }
}

TEST(EqualCallsTest, RightPaddingChangesNoBit) {
  const std::vector<AttentionCase> sequences = single_sequences(kSeed);
  const std::vector<Slot> slots = slots_at_the_left();
  AttentionCase call = together(sequences, slots, 4, kPaddedLength);
  for (const Mask& padded :
       {lengths(sequence_lengths()), padding(tokens_at(slots))}) {
    call.mask = causal() & padded;
    expect_each_as_if_alone(sequences, slots, call);
  }
}

TEST(EqualCallsTest, LeftPaddingChangesNoBit) {
  const std::vector<AttentionCase> sequences = single_sequences(kSeed);
  const std::vector<Slot> slots = slots_at_the_right();
  AttentionCase call = together(sequences, slots, 4, kPaddedLength);
  call.mask = causal() & padding(tokens_at(slots));
  expect_each_as_if_alone(sequences, slots, call);
}

TEST(EqualCallsTest, PackingDocumentsIsRunningThemApart) {
  const std::vector<AttentionCase> sequences = single_sequences(kSeed);
  const auto [slots, ids] = packed_sequences(1100);
  AttentionCase call = together(sequences, slots, 1, 1100);
  call.mask = causal() & documents(ids);
  expect_each_as_if_alone(sequences, slots, call);
}

// Item b, head h of a case, by itself; a view into the same memory.
AttentionCase item_of(const AttentionCase& call, const RowIndex& at) {
  AttentionCase item = call;
  const int64_t kv_head = at.h / (call.shape.heads / call.k.dim(1));
  const auto one = [&](const TensorView& view, int64_t head) {
    return narrowed(narrowed(view, 0, at.b, 1), 1, head, 1);
  };
  item.shape.batch = 1;
  item.shape.heads = 1;
  item.q = one(call.q, at.h);
  item.k = one(call.k, kv_head);
  item.v = one(call.v, kv_head);
  item.mask = allow(one(item.own(call.mask.bind(call.shape).to_dense()), at.h));
  return item;
}

TEST(EqualCallsTest, WhatElseIsInTheBatchChangesNoBit) {
  Rng rng(kSeed);
  for (int64_t i = 0; i < cases(60); ++i) {
    const AttentionShape shape{.batch = 3,
                               .heads = 4,
                               .q_len = uniform(rng, 1, 40),
                               .kv_len = uniform(rng, 1, 1200)};
    AttentionCase call =
        make_case(rng, shape, random_mask(rng, shape),
                  {.kv_heads = 2, .head_dim = 2, .value_dim = 3});
    const AttentionResult result = call.run();
    const RowIndex at{uniform(rng, 0, 2), uniform(rng, 0, 3), 0};
    ASSERT_TRUE(same_bits(rows_of(result, Layout::bhld, at, shape.q_len),
                          item_of(call, at).run()))
        << "case " << i;
  }
}

TEST(EqualCallsTest, ChunkedPrefillAndDecodeGiveTheBitsOfPrefill) {
  Rng rng(kSeed);
  constexpr int64_t kLength = 1060;
  AttentionCase call = make_case(rng, {1, 2, kLength, kLength}, causal(),
                                 {.head_dim = 3, .value_dim = 2});
  call.options.weights = Weights::none;
  call.options.scores = Scores::none;
  const AttentionResult prefill = call.run();
  for (const int64_t chunk : {1, 100, 448}) {
    for (int64_t begin = 0; begin < kLength; begin += chunk) {
      const int64_t rows = std::min(chunk, kLength - begin);
      AttentionCase part = call;
      part.shape = {1, 2, rows, begin + rows};
      part.mask = causal(Align::bottom_right);
      part.q = narrowed(call.q, 2, begin, rows);
      part.k = narrowed(call.k, 2, 0, begin + rows);
      part.v = narrowed(call.v, 2, 0, begin + rows);
      const AttentionResult result = part.run();
      for (int64_t h = 0; h < 2; ++h) {
        ASSERT_TRUE(
            same_bits(rows_of(result, Layout::bhld, {0, h, 0}, rows),
                      rows_of(prefill, Layout::bhld, {0, h, begin}, rows)))
            << "rows from " << begin << " in chunks of " << chunk;
      }
    }
  }
}

void expect_same_bits_in_every_wording(const Meaning& meaning) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, meaning.shape, all());
  add_gentle_alibi(call);
  const std::vector<Wording> wordings = every_wording(meaning);
  call.mask = wordings[0].mask;
  const AttentionResult expected = call.run(Backend::reference);
  for (const Wording& wording : wordings) {
    SCOPED_TRACE(wording.name);
    call.mask = wording.mask;
    call.bias = wording.bias;
    EXPECT_TRUE(same_bits(call.run(), expected));
  }
}

TEST(EqualCallsTest, EveryWordingOfAMaskGivesTheSameBits) {
  expect_same_bits_in_every_wording({{2, 2, 9, 9}, 0, {9, 5}});
}

TEST(EqualCallsTest, EveryWordingOfALongMaskGivesTheSameBits) {
  expect_same_bits_in_every_wording({{2, 2, 66, 1400}, 1000, {1400, 1040}});
}

}  // namespace
}  // namespace maskwise::testing
