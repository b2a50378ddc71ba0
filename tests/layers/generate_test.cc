// Generation by whole models: what comes next is what forward() says, and
// depends on nothing but the sentence.
#include "maskwise/nn/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "maskwise/nn/initialise.h"
#include "tests/base/thrown_error.h"

namespace maskwise {
namespace {

using nn::Generated;
using nn::GenerateOptions;
using testing::throws_error;

using Tokens = std::vector<int64_t>;

constexpr int64_t kPad = 0;
constexpr int64_t kEnd = 2;
constexpr int64_t kVocabulary = 11;

nn::TransformerLayerOptions small_layer() {
  nn::TransformerLayerOptions layer;
  layer.features = 16;
  layer.heads = 4;
  layer.hidden = 32;
  layer.norm_order = nn::NormOrder::pre;
  return layer;
}

// Weights that are large enough for answers to differ from source to source.
template <typename Model>
Model with_large_weights(Model model) {
  nn::initialise(model, 7);
  model.visit_parameters("", [](const std::string&, nn::Parameter& one) {
    if (one.value.rank() != 2) return;
    for (int64_t i = 0; i < one.value.size(); ++i) {
      one.value.template mutable_data<float>()[i] *= 2;
    }
  });
  return model;
}

nn::Transformer transformer() {
  nn::TransformerOptions options;
  options.source_tokens = options.target_tokens = kVocabulary;
  options.encoder_layers = options.decoder_layers = 2;
  options.layer = small_layer();
  options.max_length = 32;
  return with_large_weights(nn::Transformer(options));
}

nn::Decoder decoder() {
  nn::DecoderOptions options;
  options.tokens = kVocabulary;
  options.layers = 2;
  options.layer = small_layer();
  options.layer.rotary_base = 10000;
  options.positions = nn::Positions::none;
  options.max_length = 32;
  return with_large_weights(nn::Decoder(options));
}

enum class Side { left, right };

// Ids [B, longest + more], padded at one side.
Tensor batch_of(const std::vector<Tokens>& sentences, Side side,
                int64_t more = 0) {
  int64_t width = 0;
  for (const Tokens& one : sentences) width = std::max(width, std::ssize(one));
  width += more;
  Tensor ids(DType::i64, {std::ssize(sentences), width});
  auto* row = ids.mutable_data<int64_t>();
  for (const Tokens& one : sentences) {
    const int64_t skip = side == Side::left ? width - std::ssize(one) : 0;
    std::ranges::copy(one, row + skip);
    row += width;
  }
  return ids;
}

const std::vector<Tokens> kSentences = {
    {3, 4, 5, 6, 7}, {8}, {9, 10, 3}, {4, 4, 9, 8}};

std::vector<Generated> translated(const nn::Transformer& model,
                                  const Tensor& source,
                                  const GenerateOptions& options) {
  return nn::generate(model, source, nn::growing_masks(source), options);
}

void expect_equal(const Generated& found, const Generated& expected) {
  EXPECT_EQ(found.tokens, expected.tokens);
  EXPECT_EQ(found.score, expected.score);
  EXPECT_EQ(found.ending, expected.ending);
}

int64_t best_token(const Tensor& logits, int64_t row) {
  const float* at = logits.data<float>() + row * kVocabulary;
  int64_t best = kPad + 1;
  for (int64_t id = best; id < kVocabulary; ++id) {
    if (at[id] > at[best]) best = id;
  }
  return best;
}

TEST(Generate, GreedyTargetsFollowTheLargestLogitsOfForward) {
  const nn::Transformer model = transformer();
  for (const Tokens& one : kSentences) {
    const Tensor source = batch_of({one}, Side::right);
    const Generated found = translated(model, source, {.max_length = 9})[0];
    Tokens read = {GenerateOptions{}.begin};
    for (int64_t i = 0; i < 9; ++i) {
      const Tensor target = batch_of({read}, Side::right);
      const Tensor logits =
          model.forward({{source}, {target}}, nn::padding_masks(source, target))
              .logits;
      const int64_t next = best_token(logits, std::ssize(read) - 1);
      if (next == kEnd) break;
      ASSERT_LT(static_cast<size_t>(i), found.tokens.size());
      EXPECT_EQ(found.tokens[static_cast<size_t>(i)], next);
      read.push_back(next);
    }
    EXPECT_EQ(std::ssize(found.tokens), std::ssize(read) - 1);
  }
}

TEST(Generate, AnswersToDifferentSourcesDiffer) {
  const auto found = translated(
      transformer(), batch_of(kSentences, Side::right), {.max_length = 9});
  EXPECT_NE(found[0].tokens, found[1].tokens);
  EXPECT_NE(found[1].tokens, found[2].tokens);
}

TEST(Generate, ASourceHasTheSameTargetAloneAndInAnyBatch) {
  const nn::Transformer model = transformer();
  for (const int64_t beam : {1, 3}) {
    const GenerateOptions options = {.max_length = 9, .beam = beam};
    const auto together =
        translated(model, batch_of(kSentences, Side::right), options);
    const auto left =
        translated(model, batch_of(kSentences, Side::left, 3), options);
    for (size_t i = 0; i < kSentences.size(); ++i) {
      const auto alone =
          translated(model, batch_of({kSentences[i]}, Side::right), options);
      expect_equal(together[i], alone[0]);
      expect_equal(left[i], alone[0]);
    }
  }
}

TEST(Generate, ABeamFindsNothingWorseThanGreedily) {
  const nn::Transformer model = transformer();
  const Tensor source = batch_of(kSentences, Side::right);
  // Without a length penalty, and to the same length, scores can be compared.
  const auto greedy =
      translated(model, source, {.max_length = 4, .length_penalty = 0});
  const auto beam = translated(
      model, source, {.max_length = 4, .beam = 11, .length_penalty = 0});
  for (size_t i = 0; i < greedy.size(); ++i) {
    EXPECT_GE(beam[i].score, greedy[i].score);
  }
}

TEST(Generate, PromptsGoOnTheSameWayWhereverTheirPaddingStands) {
  const nn::Decoder model = decoder();
  for (const int64_t beam : {1, 3}) {
    const GenerateOptions options = {.max_length = 9, .beam = beam};
    const auto right = nn::generate(model, batch_of(kSentences, Side::right, 2),
                                    causal(), options);
    const auto left = nn::generate(model, batch_of(kSentences, Side::left),
                                   causal(), options);
    for (size_t i = 0; i < kSentences.size(); ++i) {
      const auto alone = nn::generate(
          model, batch_of({kSentences[i]}, Side::right), causal(), options);
      expect_equal(right[i], alone[0]);
      expect_equal(left[i], alone[0]);
    }
  }
}

TEST(Generate, PromptsGoOnByTheLargestLogitsOfForwardUnderTheirMask) {
  const nn::Decoder model = decoder();
  const Mask mask = causal() & sliding_window({.left = 2});
  Tokens read = kSentences[0];
  const Generated found =
      nn::generate(model, batch_of({read}, Side::right), mask,
                   {.end = kVocabulary - 1, .max_length = 6})[0];
  for (const int64_t token : found.tokens) {
    const Tensor ids = batch_of({read}, Side::right);
    const Tensor logits = model.forward({ids}, mask).logits;
    EXPECT_EQ(token, best_token(logits, std::ssize(read) - 1));
    read.push_back(token);
  }
  EXPECT_FALSE(found.tokens.empty());
}

TEST(Generate, PaddingIsNeverChosen) {
  nn::Transformer model = transformer();
  model.output.bias.value.mutable_data<float>()[kPad] = 1000;
  for (const int64_t beam : {1, 3}) {
    for (const Generated& one :
         translated(model, batch_of(kSentences, Side::right),
                    {.max_length = 9, .beam = beam})) {
      EXPECT_EQ(std::ranges::count(one.tokens, kPad), 0);
    }
  }
}

TEST(Generate, WhatDoesNotFitIsRefused) {
  const nn::Decoder model = decoder();
  const Tensor prompts = batch_of(kSentences, Side::right);
  const auto ask = [&](const Tensor& ids, const GenerateOptions& options) {
    return nn::generate(model, ids, causal(), options);
  };
  using enum ErrorCode;
  EXPECT_TRUE(throws_error(invalid_argument, "a max_length of 0 tokens",
                           [&] { ask(prompts, {}); }));
  EXPECT_TRUE(throws_error(invalid_argument, "a beam of 0", [&] {
    ask(prompts, {.max_length = 3, .beam = 0});
  }));
  EXPECT_TRUE(throws_error(limit,
                           "a prompt of 5 tokens and a max_length of 29; "
                           "expected together at most 33",
                           [&] { ask(prompts, {.max_length = 29}); }));
  EXPECT_EQ(ask(prompts, {.max_length = 28}).size(), kSentences.size());
  EXPECT_TRUE(throws_error(invalid_argument, "a beam of 1000000", [&] {
    ask(prompts, {.max_length = 3, .beam = 1000000});
  }));
  EXPECT_TRUE(throws_error(invalid_argument, "prompt 1 has no token", [&] {
    ask(batch_of({{3}, {}}, Side::right), {.max_length = 3});
  }));
  EXPECT_TRUE(throws_error(invalid_argument, "token id 99", [&] {
    ask(batch_of({{99}}, Side::right), {.max_length = 3});
  }));
}

}  // namespace
}  // namespace maskwise
