// Sentences of token ids in batches of many kinds, for tests of whole models:
// alone, shuffled, padded at either side, packed. And the rows of a sentence
// back from what a model made of its batch.
#ifndef MASKWISE_TESTS_SUPPORT_MODEL_BATCHES_H_
#define MASKWISE_TESTS_SUPPORT_MODEL_BATCHES_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

#include "maskwise/nn/embedding.h"
#include "maskwise/nn/token_batch.h"
#include "tests/support/attention_case.h"

namespace maskwise::testing {

inline constexpr int64_t kPad = 0;
inline constexpr int64_t kOdd = 1;  // a token whose embedding is poison
inline constexpr int64_t kVocabulary = 13;
inline constexpr int64_t kClasses = 5;

using Tokens = std::vector<int64_t>;

// What kPad and kOdd are embedded as.
inline void poison(nn::TokenEmbedding& table, float value) {
  nn::Parameter& weight = table.embedding.weight;
  const int64_t features = weight.value.dim(1);
  for (const int64_t id : {kPad, kOdd}) {
    std::fill_n(weight.value.mutable_data<float>() + id * features, features,
                value);
  }
}

// Two sentences of a translation, and gradients of what models say of them.
struct TokenSentence {
  int64_t number = 0;  // its own, wherever it stands
  Tokens source;
  Tokens target;
  Tensor d_logits = {};  // [target's length, kVocabulary]
  Tensor d_class = {};   // [1, kClasses]
};

inline Tokens ordinary_tokens(Rng& rng, int64_t count) {
  Tokens tokens;
  for (int64_t i = 0; i < count; ++i) {
    tokens.push_back(uniform(rng, kOdd + 1, kVocabulary - 1));
  }
  return tokens;
}

// Without a gradient for the logits of kPad and kOdd: where the embedding's
// poison is a weight of the output, it would flow into every row.
inline TokenSentence token_sentence(Rng& rng, int64_t number, int64_t source,
                                    int64_t target) {
  TokenSentence made = {.number = number,
                        .source = ordinary_tokens(rng, source),
                        .target = ordinary_tokens(rng, target),
                        .d_logits = normal(rng, {target, kVocabulary}),
                        .d_class = normal(rng, {1, kClasses})};
  for (int64_t row = 0; row < target; ++row) {
    float* at = made.d_logits.mutable_data<float>() + row * kVocabulary;
    at[kPad] = at[kOdd] = 0;
  }
  return made;
}

enum class BatchForm { padded_right, padded_left, packed };

// Which sentences stand in a batch, in order, and how: padded to the longest
// one and `more`, or one after the other.
struct TokenArrangement {
  std::vector<size_t> order = {};
  BatchForm form = BatchForm::padded_right;
  int64_t more = 0;
};

inline Tensor padded_ids(const std::vector<Tokens>& sentences,
                         const TokenArrangement& how, int64_t pad = kPad) {
  int64_t length = 0;
  for (const Tokens& each : sentences) {
    length = std::max(length, std::ssize(each));
  }
  length += how.more;
  Tokens ids(sentences.size() * static_cast<size_t>(length), pad);
  auto row = ids.begin();
  for (const Tokens& each : sentences) {
    const bool left = how.form == BatchForm::padded_left;
    std::ranges::copy(each, left ? row + length - std::ssize(each) : row);
    row += length;
  }
  return Tensor::from<int64_t>({std::ssize(sentences), length}, ids);
}

// Sources or targets of a batch, and the rows where each sentence stands.
class TokenSide {
 public:
  struct Place {
    int64_t first = 0;
    int64_t count = 0;
  };

  TokenSide(const std::vector<TokenSentence>& sentences,
            Tokens TokenSentence::*part, const TokenArrangement& how) {
    std::vector<Tokens> tokens;
    for (const size_t i : how.order) tokens.push_back(sentences[i].*part);
    ids_ = padded_ids(tokens, how);
    const bool packed = how.form == BatchForm::packed;
    if (packed) {
      packing_.emplace(ids_, kPad);
      ids_ = packing_->ids();
      rows_.positions = packing_->rows().positions;
    }
    int64_t before = 0;
    for (size_t b = 0; b < tokens.size(); ++b) {
      const int64_t count = std::ssize(tokens[b]);
      const int64_t width = packed ? count : ids_.dim(1);
      const int64_t padding =
          how.form == BatchForm::padded_left ? width - count : 0;
      places_.push_back({before + padding, count});
      rows_.sentences.insert(rows_.sentences.end(), static_cast<size_t>(width),
                             sentences[how.order[b]].number);
      before += width;
    }
  }

  const Tensor& ids() const { return ids_; }
  const std::optional<nn::Packing>& packing() const { return packing_; }
  const std::vector<Place>& places() const { return places_; }
  int64_t rows() const { return ids_.size(); }

  // Sentences by their own numbers; positions are left to the model where they
  // can be told from padding.
  nn::TokenBatch batch(std::optional<uint64_t> dropout) const {
    nn::TokenRows rows = rows_;
    rows.dropout = dropout;
    return {ids_, rows};
  }

 private:
  Tensor ids_;
  std::optional<nn::Packing> packing_;
  std::vector<Place> places_;
  nn::TokenRows rows_;
};

// All finite, and not all zero. A test of equal NaNs or zeros would pass for
// nothing.
inline ::testing::AssertionResult has_numbers(const Tensor& tensor) {
  const float* at = tensor.data<float>();
  const float* end = at + tensor.size();
  if (!std::all_of(at, end, [](float x) { return std::isfinite(x); })) {
    return ::testing::AssertionFailure() << "not finite";
  }
  if (std::all_of(at, end, [](float x) { return x == 0; })) {
    return ::testing::AssertionFailure() << "all zero";
  }
  return ::testing::AssertionSuccess();
}

// The rows of a sentence in [..., width].
inline Tensor rows_at(const Tensor& values, const TokenSide::Place& place) {
  const int64_t width = values.shape().back();
  return Tensor::copy_of(TensorView(values.data<float>() + place.first * width,
                                    DType::f32, {place.count, width}));
}

// The others of [..., width]: those of padding, with zeros for the sentences'.
inline Tensor rows_beside(const Tensor& values, const TokenSide& side) {
  const int64_t width = values.shape().back();
  Tensor others = Tensor::copy_of(values);
  for (const auto& [first, count] : side.places()) {
    std::fill_n(others.mutable_data<float>() + first * width, count * width,
                0.0F);
  }
  return others;
}

// What a model reads, and the gradients that it gets: zero at padding.
struct ModelBatch {
  ModelBatch(const std::vector<TokenSentence>& sentences,
             const TokenArrangement& how)
      : source(sentences, &TokenSentence::source, how),
        target(sentences, &TokenSentence::target, how),
        d_logits(DType::f32,
                 {target.ids().dim(0), target.ids().dim(1), kVocabulary}),
        d_classes(DType::f32, {std::ssize(how.order), kClasses}) {
    for (size_t b = 0; b < how.order.size(); ++b) {
      const TokenSentence& each = sentences[how.order[b]];
      std::copy_n(each.d_logits.data<float>(), each.d_logits.size(),
                  d_logits.mutable_data<float>() +
                      target.places()[b].first * kVocabulary);
      std::copy_n(
          each.d_class.data<float>(), kClasses,
          d_classes.mutable_data<float>() + static_cast<int64_t>(b) * kClasses);
    }
  }

  TokenSide source;
  TokenSide target;
  Tensor d_logits;   // [B, Lt, kVocabulary]
  Tensor d_classes;  // [B, kClasses]
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MODEL_BATCHES_H_
