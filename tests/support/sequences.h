// Sequences apart, and put together in one batch.
#ifndef MASKWISE_TESTS_SUPPORT_SEQUENCES_H_
#define MASKWISE_TESTS_SUPPORT_SEQUENCES_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_case.h"

namespace maskwise::testing {

// Sequences short and long, one of two folds.
inline const std::vector<int64_t>& sequence_lengths() {
  static const std::vector<int64_t> kLengths = {5, 1, 1030, 12};
  return kLengths;
}

// Each sequence by itself, causal, with GQA and ALiBi.
inline std::vector<AttentionCase> single_sequences(uint32_t seed) {
  std::vector<AttentionCase> result;
  Rng rng(seed);
  for (const int64_t length : sequence_lengths()) {
    AttentionCase call = make_case(rng, {1, 2, length, length}, causal(),
                                   {.head_dim = 3, .value_dim = 2});
    add_gentle_alibi(call);
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

// Copies [1, H, L, D] tensors of the sequences to their slots of one [batch, H,
// length, D] tensor whose other elements are NaN.
inline Tensor placed(const std::vector<TensorView>& parts,
                     const std::vector<Slot>& slots, int64_t batch,
                     int64_t length) {
  Shape shape = parts[0].shape();
  shape[0] = batch;
  shape[2] = length;
  Tensor whole(DType::f32, shape);
  std::fill_n(whole.mutable_data<float>(), whole.size(), kNan);
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t count = parts[i].dim(2) * parts[i].dim(3);
    for (int64_t h = 0; h < shape[1]; ++h) {
      std::copy_n(parts[i].data<float>() + h * count, count,
                  whole.mutable_data<float>() +
                      ((slots[i].b * shape[1] + h) * length + slots[i].begin) *
                          shape[3]);
    }
  }
  return whole;
}

// q, k and v of the sequences, in their slots.
inline AttentionCase together(const std::vector<AttentionCase>& sequences,
                              const std::vector<Slot>& slots, int64_t batch,
                              int64_t length) {
  AttentionCase result = sequences[0];
  result.shape = {batch, 2, length, length};
  for (TensorView AttentionCase::*member :
       {&AttentionCase::q, &AttentionCase::k, &AttentionCase::v}) {
    std::vector<TensorView> parts;
    for (const AttentionCase& each : sequences) parts.push_back(each.*member);
    result.*member = result.own(placed(parts, slots, batch, length));
  }
  return result;
}

// Sequences in one batch item, one after the other, with keys of no document
// before the first and between some.
struct Packed {
  std::vector<Slot> slots;
  Tensor ids;  // [1, length]
};

inline Packed packed_sequences(int64_t length) {
  Packed result = {{}, Tensor(DType::i32, {1, length})};
  auto* ids = result.ids.mutable_data<int32_t>();
  std::fill_n(ids, length, -1);
  int64_t begin = 3;
  for (size_t i = 0; i < sequence_lengths().size(); ++i) {
    const int64_t count = sequence_lengths()[i];
    result.slots.push_back({0, begin});
    std::fill_n(ids + begin, count, static_cast<int32_t>(7 * i));
    begin += count + static_cast<int64_t>(i % 2);
  }
  return result;
}

// One batch item for each sequence, at its beginning or at its end.
inline std::vector<Slot> slots_at_the_left() {
  return {{0, 0}, {1, 0}, {2, 0}, {3, 0}};
}

inline constexpr int64_t kPaddedLength = 1040;

inline std::vector<Slot> slots_at_the_right() {
  std::vector<Slot> slots;
  for (const int64_t length : sequence_lengths()) {
    slots.push_back({std::ssize(slots), kPaddedLength - length});
  }
  return slots;
}

// 1 where a sequence stands in its batch item, else 0, the pad id.
inline Tensor tokens_at(const std::vector<Slot>& slots) {
  Tensor ids(DType::i64, {std::ssize(slots), kPaddedLength});
  for (size_t i = 0; i < slots.size(); ++i) {
    std::fill_n(ids.mutable_data<int64_t>() + slots[i].b * kPaddedLength +
                    slots[i].begin,
                sequence_lengths()[i], 1);
  }
  return ids;
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_SEQUENCES_H_
