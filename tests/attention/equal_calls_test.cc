// Calls that mean the same give the same bits: whatever stands beside an item,
// in front of it or behind it, and however the mask is worded.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/mask_import.h"
#include "maskwise/mask_text.h"
#include "tests/support/attention_bits.h"
#include "tests/support/attention_random.h"
#include "tests/support/attention_rows.h"

namespace maskwise::testing {
namespace {

constexpr uint32_t kSeed = 1917;

// Sequences short and long, one of two folds.
const std::vector<int64_t>& sequence_lengths() {
  static const std::vector<int64_t> kLengths = {5, 1, 1030, 12};
  return kLengths;
}

// Each sequence by itself, causal, with GQA and ALiBi.
std::vector<AttentionCase> single_sequences() {
  std::vector<AttentionCase> result;
  Rng rng(kSeed);
  for (const int64_t length : sequence_lengths()) {
    AttentionCase call = make_case(rng, {1, 2, length, length}, causal(),
                                   {.head_dim = 3, .value_dim = 2});
    add_alibi(call);
    call.options.weights = Weights::none;
    call.options.scores = Scores::none;
    result.push_back(call);
  }
  return result;
}

// Where a sequence goes in a batch of sequences.
struct Slot {
  int64_t b = 0;
  int64_t begin = 0;
};

// Copies q, k and v of the sequences to their slots of [batch, H, length, D]
// tensors whose other elements are NaN.
AttentionCase together(const std::vector<AttentionCase>& sequences,
                       const std::vector<Slot>& slots, int64_t batch,
                       int64_t length) {
  AttentionCase result = sequences[0];
  result.shape = {batch, 2, length, length};
  for (TensorView AttentionCase::*member :
       {&AttentionCase::q, &AttentionCase::k, &AttentionCase::v}) {
    Shape shape = (sequences[0].*member).shape();
    shape[0] = batch;
    shape[2] = length;
    Tensor whole(DType::f32, shape);
    std::fill_n(whole.mutable_data<float>(), whole.size(), kNan);
    for (size_t i = 0; i < sequences.size(); ++i) {
      const TensorView& part = sequences[i].*member;
      const int64_t count = part.dim(2) * part.dim(3);
      for (int64_t h = 0; h < shape[1]; ++h) {
        std::copy_n(
            part.data<float>() + h * count, count,
            whole.mutable_data<float>() +
                ((slots[i].b * shape[1] + h) * length + slots[i].begin) *
                    shape[3]);
      }
    }
    result.*member = result.own(whole);
  }
  return result;
}

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

constexpr int64_t kPaddedLength = 1040;

// 1 where a sequence stands in its batch item, else 0, the pad id.
Tensor tokens_at(const std::vector<Slot>& slots) {
  Tensor ids(DType::i64, {std::ssize(slots), kPaddedLength});
  for (size_t i = 0; i < slots.size(); ++i) {
    std::fill_n(ids.mutable_data<int64_t>() + slots[i].b * kPaddedLength +
                    slots[i].begin,
                sequence_lengths()[i], 1);
  }
  return ids;
}

TEST(EqualCallsTest, RightPaddingChangesNoBit) {
  const std::vector<AttentionCase> sequences = single_sequences();
  const std::vector<Slot> slots = {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
  AttentionCase call = together(sequences, slots, 4, kPaddedLength);
  for (const Mask& padded :
       {lengths(sequence_lengths()), padding(tokens_at(slots))}) {
    call.mask = causal() & padded;
    expect_each_as_if_alone(sequences, slots, call);
  }
}

TEST(EqualCallsTest, LeftPaddingChangesNoBit) {
  const std::vector<AttentionCase> sequences = single_sequences();
  std::vector<Slot> slots;
  for (const int64_t length : sequence_lengths()) {
    slots.push_back({std::ssize(slots), kPaddedLength - length});
  }
  AttentionCase call = together(sequences, slots, 4, kPaddedLength);
  call.mask = causal() & padding(tokens_at(slots));
  expect_each_as_if_alone(sequences, slots, call);
}

TEST(EqualCallsTest, PackingDocumentsIsRunningThemApart) {
  const std::vector<AttentionCase> sequences = single_sequences();
  std::vector<Slot> slots;
  Tensor ids(DType::i32, {1, 1100});
  std::fill_n(ids.mutable_data<int32_t>(), ids.size(), -1);
  int64_t begin = 3;  // of no document
  for (size_t i = 0; i < sequences.size(); ++i) {
    const int64_t length = sequence_lengths()[i];
    slots.push_back({0, begin});
    std::fill_n(ids.mutable_data<int32_t>() + begin, length,
                static_cast<int32_t>(7 * i));
    begin += length + static_cast<int64_t>(i % 2);  // and a gap
  }
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

// A mask in one of its wordings, and what else the wording needs.
struct Wording {
  std::string name;
  Mask mask;
  Tensor bias = Tensor();
};

// bool to what another framework says.
Tensor mapped(const Tensor& allowed, float if_allowed, float if_masked) {
  Tensor result(DType::f32, allowed.shape());
  for (int64_t i = 0; i < allowed.size(); ++i) {
    result.mutable_data<float>()[i] =
        allowed.data<bool>()[i] ? if_allowed : if_masked;
  }
  return result;
}

Tensor inverted(const Tensor& allowed) {
  Tensor result(DType::boolean, allowed.shape());
  for (int64_t i = 0; i < allowed.size(); ++i) {
    result.mutable_data<bool>()[i] = !allowed.data<bool>()[i];
  }
  return result;
}

// Causal from `offset` on, and two items of these lengths.
struct Meaning {
  AttentionShape shape;
  int64_t offset = 0;
  std::vector<int64_t> lengths_of_items;

  Position position() const { return {.offset = offset}; }

  // 1 before the length of the item, else `end`.
  Tensor tokens(int64_t end) const {
    Tensor ids(DType::i64, {2, shape.kv_len});
    std::fill_n(ids.mutable_data<int64_t>(), ids.size(), end);
    for (int64_t b = 0; b < 2; ++b) {
      std::fill_n(ids.mutable_data<int64_t>() + b * shape.kv_len,
                  lengths_of_items[static_cast<size_t>(b)], 1);
    }
    return ids;
  }
};

std::vector<Wording> wordings_in_words(const Meaning& meaning) {
  const Position position = meaning.position();
  const Mask look_ahead = causal(position);
  const Mask short_items = lengths(meaning.lengths_of_items);
  const Mask plain = look_ahead & short_items;
  Tensor q_ids(DType::i64, {2, meaning.shape.q_len});
  std::fill_n(q_ids.mutable_data<int64_t>(), q_ids.size(), 1);
  const auto item = [&](size_t b) {
    return look_ahead & prefix(meaning.lengths_of_items[b]);
  };
  return {
      {"predicate", plain},
      {"other order", short_items & look_ahead},
      {"token ids", look_ahead & padding(meaning.tokens(0))},
      {"other pad", look_ahead & padding(meaning.tokens(9), {.pad = 9})},
      {"documents", look_ahead & documents(q_ids, meaning.tokens(-1))},
      {"window",
       sliding_window({.right = 0, .offset = meaning.offset}) & short_items},
      {"double negation", ~(~look_ahead | ~short_items)},
      {"neutral words", (plain & all()) | none()},
      {"per item", per_batch({item(0), item(1)})},
      {"per head", per_head({plain, short_items & look_ahead})},
  };
}

std::vector<Wording> wordings_in_tensors(const Meaning& meaning) {
  const Mask plain =
      causal(meaning.position()) & lengths(meaning.lengths_of_items);
  const Tensor allowed = plain.bind(meaning.shape).to_dense();
  const Tensor zeros_and_minus_inf = mapped(allowed, 0, kMinusInf);
  const std::string offset = std::to_string(meaning.offset);
  const TensorMap tensors = {{"token_ids", meaning.tokens(0)}};
  const MaskText text = to_string(plain);
  return {
      {"allow", allow(allowed)},
      {"forbid", forbid(inverted(allowed))},
      {"additive mask", from_additive(zeros_and_minus_inf)},
      {"bias of -inf", all(), zeros_and_minus_inf},
      {"some by bias", causal(meaning.position()), zeros_and_minus_inf},
      {"scaled dot product mask", from_torch_sdpa_mask(allowed)},
      {"tutorial mask", from_tf_tutorial(mapped(allowed, 0, 1))},
      {"ONNX mask", from_onnx(allowed)},
      {"text", parse_mask("causal(offset=" + offset + ") & padding(token_ids)",
                          tensors)},
      {"printed text", parse_mask(text.text, text.tensors)},
  };
}

void expect_same_bits_in_every_wording(const Meaning& meaning) {
  Rng rng(kSeed);
  AttentionCase call = make_case(rng, meaning.shape, all());
  add_alibi(call);
  std::vector<Wording> wordings = wordings_in_words(meaning);
  std::ranges::move(wordings_in_tensors(meaning), std::back_inserter(wordings));
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
