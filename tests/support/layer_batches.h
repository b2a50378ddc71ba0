// The same sentences in batches of many kinds: alone, shuffled, padded with NaN
// at the left and the right. For tests that no bit depends on it.
#ifndef MASKWISE_TESTS_SUPPORT_LAYER_BATCHES_H_
#define MASKWISE_TESTS_SUPPORT_LAYER_BATCHES_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tests/support/attention_case.h"

namespace maskwise::testing {

// A sentence: what comes in, the memory that it reads, and the gradient.
struct Sentence {
  Tensor x;       // [length, E]
  Tensor memory;  // [source length, E]
  Tensor d_y;     // [length, E]
};

inline Sentence sentence(Rng& rng, int64_t length, int64_t source,
                         int64_t features) {
  return {normal(rng, {length, features}), normal(rng, {source, features}),
          normal(rng, {length, features})};
}

// Which sentences stand in a batch, in order, and how they are padded: `left`
// tokens before each, `right` after the longest.
struct Arrangement {
  std::vector<size_t> order;
  int64_t left = 0;
  int64_t right = 0;
  float filler = kNan;
};

// One side of a batch: the rows of every sentence between padding.
struct PaddedRows {
  Tensor values;   // [B, L, E]
  Tensor present;  // [B, L], boolean
  std::vector<int64_t> lengths;
  int64_t left = 0;

  int64_t batch() const { return values.dim(0); }
  int64_t length() const { return values.dim(1); }
};

inline PaddedRows padded(const std::vector<Tensor>& rows,
                         const Arrangement& how, float filler) {
  PaddedRows result;
  int64_t longest = 0;
  for (const size_t i : how.order) longest = std::max(longest, rows[i].dim(0));
  const int64_t length = how.left + longest + how.right;
  const auto batch = static_cast<int64_t>(how.order.size());
  const int64_t features = rows.front().dim(1);
  result.left = how.left;
  result.values = Tensor(DType::f32, {batch, length, features});
  result.present = Tensor(DType::boolean, {batch, length});
  auto* values = result.values.mutable_data<float>();
  std::fill_n(values, result.values.size(), filler);
  for (int64_t b = 0; b < batch; ++b) {
    const Tensor& each = rows[how.order[static_cast<size_t>(b)]];
    const int64_t first = b * length + how.left;
    std::copy_n(each.data<float>(), each.size(), values + first * features);
    std::fill_n(result.present.mutable_data<bool>() + first, each.dim(0), true);
    result.lengths.push_back(each.dim(0));
  }
  return result;
}

struct Batch {
  PaddedRows x;
  PaddedRows memory;
  PaddedRows d_y;  // zero in padding

  Batch(const std::vector<Sentence>& sentences, const Arrangement& how)
      : x(padded(all_of(sentences, &Sentence::x), how, how.filler)),
        memory(padded(all_of(sentences, &Sentence::memory), how, how.filler)),
        d_y(padded(all_of(sentences, &Sentence::d_y), how, 0)) {}

 private:
  static std::vector<Tensor> all_of(const std::vector<Sentence>& sentences,
                                    Tensor Sentence::*part) {
    std::vector<Tensor> parts;
    for (const Sentence& each : sentences) parts.push_back(each.*part);
    return parts;
  }
};

// Pairs of which both are tokens of a sentence.
inline Mask both_present(const PaddedRows& queries, const PaddedRows& keys) {
  return allow(TensorView(queries.present.data<bool>(), DType::boolean,
                          {queries.batch(), 1, queries.length(), 1})) &
         allow_keys(keys.present);
}

// The rows of sentence `b` of a result [B, L, E].
inline Tensor rows_of(const Tensor& values, const PaddedRows& like, int64_t b) {
  const int64_t features = values.dim(2);
  const int64_t first = b * like.length() + like.left;
  return Tensor::copy_of(
      TensorView(values.data<float>() + first * features, DType::f32,
                 {like.lengths[static_cast<size_t>(b)], features}));
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_LAYER_BATCHES_H_
