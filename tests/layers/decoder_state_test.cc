#include "maskwise/nn/decoder_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/machines.h"
#include "tests/support/model_states.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::DecoderState;
using nn::NormKind;
using nn::NormOrder;

constexpr int64_t kMaxLength = 20;       // of a state
constexpr int64_t kModelMaxLength = 32;  // of the model
constexpr int64_t kHeads = 4;

struct DecoderCase {
  std::string name;
  nn::DecoderOptions options;
  Mask mask;
};

nn::DecoderOptions plain_options(NormOrder order) {
  return {.tokens = kVocabulary,
          .layers = 2,
          .layer = {.features = 16,
                    .heads = kHeads,
                    .hidden = 24,
                    .norm_order = order},
          .max_length = kModelMaxLength,
          .pad = kPad};
}

// As language models of today are made.
nn::DecoderOptions rotary_options(NormOrder order) {
  nn::DecoderOptions options = plain_options(order);
  options.layer.kv_heads = 2;
  options.layer.activation = Activation::swiglu;
  options.layer.norm = NormKind::rms;
  options.layer.rotary_base = 100;
  options.positions = nn::Positions::none;
  options.output = nn::OutputWeights::embedding;
  return options;
}

std::vector<DecoderCase> all_cases() {
  const Mask window = causal() & sliding_window({.left = 3});
  return {
      {"sinusoidal_post", plain_options(NormOrder::post), causal()},
      {"sinusoidal_pre_with_a_window", plain_options(NormOrder::pre), window},
      {"rotary_pre", rotary_options(NormOrder::pre), causal()},
      {"rotary_post_with_a_window", rotary_options(NormOrder::post), window},
      {"rotary_pre_with_a_mask_for_each_head", rotary_options(NormOrder::pre),
       per_head({causal(), window,
                 causal() & (sliding_window({.left = 1}) | prefix(2)),
                 causal() & dilated(2)})}};
}

// Sentences 0 and 1 begin with the same 5 tokens.
std::vector<Tokens> sentences() {
  Rng rng(31);
  std::vector<Tokens> all;
  for (const int64_t length : Tokens{12, 11, 1, kMaxLength, 7}) {
    all.push_back(ordinary_tokens(rng, length));
  }
  std::copy_n(all[0].begin(), 5, all[1].begin());
  all[1][5] = all[0][5] == 2 ? 3 : 2;
  return all;
}

class DecoderStateTest : public ::testing::TestWithParam<DecoderCase> {
 protected:
  using Reader = SentenceReader<DecoderState>;

  DecoderStateTest() : model_(GetParam().options) {
    Rng rng(32);
    randomise(rng, model_, 0.3F);
    // Padding is never looked up. A weight of the output may not be NaN.
    const bool tied = GetParam().options.output == nn::OutputWeights::embedding;
    poison(model_.embedding, tied ? 1e30F : kNan);
    for (const Tokens& each : sentences()) {
      const Tensor ids = Tensor::from<int64_t>({1, std::ssize(each)}, each);
      const Tensor logits = model_.forward({ids}, GetParam().mask).logits;
      whole_.push_back({each, rows_at(logits, {0, std::ssize(each)})});
    }
  }

  DecoderState state(int64_t batch) const {
    return DecoderState(model_, GetParam().mask, batch, kMaxLength);
  }
  Reader reader(const std::vector<size_t>& reads) const {
    return Reader(state(std::ssize(reads)), whole_, reads);
  }
  Reader reader() const { return reader({0, 1, 2, 3, 4}); }

  nn::Decoder model_;
  std::vector<WholeSentence> whole_;
};
INSTANTIATE_TEST_SUITE_P(Models, DecoderStateTest,
                         ::testing::ValuesIn(all_cases()),
                         [](const auto& each) { return each.param.name; });

TEST_P(DecoderStateTest, WholeSentencesHaveNumbersToCompare) {
  for (const WholeSentence& each : whole_) {
    EXPECT_TRUE(has_numbers(each.logits));
  }
}

TEST_P(DecoderStateTest, StepsOfAnySizeGiveTheBitsOfWholeSentences) {
  for (const int64_t size : {1, 2, 3, 7, 20}) {
    SCOPED_TRACE(size);
    for (size_t i = 0; i < whole_.size(); ++i) reader({i}).read_all(size);
    reader().read_all(size);
  }
}

TEST_P(DecoderStateTest, PaddingMayStandAnywhereInAStep) {
  for (const StepPadding padding :
       {StepPadding::right, StepPadding::left, StepPadding::between}) {
    Reader all = reader();
    all.read({5, 0, 1, 9, 2}, padding);
    all.read({1, 7, 0, 1, 1}, padding);
    all.read_all(4, padding);
  }
}

TEST_P(DecoderStateTest, SomeSequencesGoOnWhileOthersWait) {
  Reader all = reader();
  all.read_some({3, 0, 3, 3, 0});
  all.read_some({2});
  all.read_some({4, 1, 0});
  all.read({2, 0, 0, 0, 1});
  all.read_some({1, 3, 1, 1});
  all.read_all(3);
}

TEST_P(DecoderStateTest, AStepWithoutTokensChangesNothing) {
  Reader all = reader();
  for (int64_t i = 0; i < 2; ++i) {
    all.read({0, 0, 0, 0, 0});
    all.read({0, 0, 0, 0, 0}, StepPadding::between);
    all.read_some({});
    all.read({3, 2, 0, 1, 1});
  }
}

TEST_P(DecoderStateTest, ThreadsAndInstructionSetsChangeNoBit) {
  on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
    Reader all = reader();
    all.read({7, 3, 0, 12, 7}, StepPadding::right, compute);
    all.read_some({3, 0, 3}, compute);
    all.read_all(1, StepPadding::left, compute);
  });
}

TEST_P(DecoderStateTest, ANeighbourFullOfPoisonChangesNoBit) {
  whole_.push_back({Tokens(kMaxLength, kOdd), {}});
  for (const int64_t size : {1, 6}) {
    reader({5, 0, 3, 5, 4}).read_all(size, StepPadding::left);
  }
}

TEST_P(DecoderStateTest, SelectedSequencesGoOnAsIfTheyHadReadItAll) {
  Reader three = reader({0, 3, 4});
  three.read({5, 9, 3});
  three.select({1, 2, 0}, {3, 4, 1});  // a permutation, and another end
  three.read({1, 1, 1});
  three.select({0, 0, 1}, {3, 3, 4});  // a copy, and one that is no more
  three.read_all(2);

  Reader four = reader({0, 0, 0, 3});
  four.read({5, 1, 0, 2});
  four.select({0, 0, 3, 0}, {0, 1, 3, 1});  // copies that go separate ways
  four.read({1, 3, 5, 2});
  four.select({3, 1, 2, 3}, {1, 1, 3, 1});
  four.read_all(1);
}

TEST_P(DecoderStateTest, WhatDoesNotFitIsRefusedAndAppendsNothing) {
  Reader two = reader({3, 4});
  two.read({18, 5});
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const auto& call) {
    expect_refused(two, code, fragment, call);
  };
  const auto appends = [](const Tensor& ids) {
    return [=](DecoderState& state) { state.append(ids); };
  };
  const auto appends_to = [](const std::vector<int64_t>& sequences,
                             const Tokens& tokens) {
    return [=](DecoderState& state) { state.append(sequences, tokens); };
  };
  using enum ErrorCode;
  refuses(limit, "sequence 0 would have 21 tokens; expected at most 20",
          appends(Tensor::from<int64_t>({2, 3}, {2, 3, 4, 5, 6, 7})));
  refuses(limit, "sequence 0 would have 21 tokens",
          appends_to({1, 0, 0, 1, 0}, {2, 3, 4, 5, 6}));
  refuses(shape_mismatch, "expected token ids of shape [2, n]",
          appends(Tensor::from<int64_t>({1, 1}, {2})));
  refuses(shape_mismatch, "expected token ids of shape [B, L], got [2]",
          appends(Tensor::from<int64_t>({2}, {2, 3})));
  refuses(invalid_argument, "of type i32 or i64, got f32",
          appends(Tensor(DType::f32, {2, 1})));
  refuses(shape_mismatch, "2 sequences and 1 tokens", appends_to({0, 1}, {2}));
  for (const int64_t wrong : {-1, 2}) {
    refuses(invalid_argument,
            "sequence " + std::to_string(wrong) + "; expected one from 0 to 1",
            appends_to({0, wrong}, {2, 3}));
  }
  for (const int64_t id : {int64_t{-7}, kVocabulary}) {
    refuses(invalid_argument, "token id " + std::to_string(id),
            appends(Tensor::from<int64_t>({2, 1}, {2, id})));
  }
  refuses(invalid_argument, "token 0 is padding",
          appends_to({1, 0}, {2, kPad}));
  refuses(invalid_argument, "threads", [](DecoderState& state) {
    state.append({0, 1}, {2, 3}, {.threads = 0});
  });
  two.read_all(1);
}

TEST_P(DecoderStateTest, AWrongSelectionIsRefusedAndChangesNothing) {
  Reader two = reader({3, 4});
  two.read({6, 2});
  const auto selects = [](const std::vector<int64_t>& from) {
    return [=](DecoderState& state) { state.select(from); };
  };
  using enum ErrorCode;
  expect_refused(two, shape_mismatch,
                 "1 sequences to select; expected 2, one for each",
                 selects({1}));
  expect_refused(two, shape_mismatch, "3 sequences", selects({1, 0, 1}));
  expect_refused(two, invalid_argument, "sequence 2; expected one from 0 to 1",
                 selects({1, 2}));
  expect_refused(two, invalid_argument, "sequence -1", selects({-1, 0}));
  two.read_all(2);
}

TEST_P(DecoderStateTest, SequencesThatTheModelCannotHaveAreRefused) {
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           int64_t batch, int64_t max_length) {
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      DecoderState(model_, GetParam().mask, batch, max_length);
    }));
  };
  using enum ErrorCode;
  refuses(invalid_argument, "0 sequences; expected at least 1", 0, 8);
  refuses(limit, "a max_length of 0 tokens; expected from 1 to 32", 1, 0);
  refuses(limit, "a max_length of 33 tokens; expected from 1 to 32", 1, 33);
  EXPECT_TRUE(throws_error(shape_mismatch, "", [&] {
    DecoderState(model_, lengths({3, 4, 5}), 2, 8);
  }));
  EXPECT_EQ(state(3).batch(), 3);
  EXPECT_TRUE(throws_error(invalid_argument, "sequence 3",
                           [&] { state(3).length(3); }));
}

}  // namespace
}  // namespace maskwise::testing
