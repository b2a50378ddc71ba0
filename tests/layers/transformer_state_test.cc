#include "maskwise/nn/transformer_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/base/thrown_error.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/machines.h"
#include "tests/support/model_states.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::NormKind;
using nn::NormOrder;
using nn::TransformerMasks;
using nn::TransformerState;

constexpr int64_t kMaxLength = 15;       // of a target
constexpr int64_t kModelMaxLength = 32;  // of the model
constexpr int64_t kTargets = 2;          // of each source

enum class Windows { no, yes };

struct TransformerCase {
  std::string name;
  NormOrder order;
  double rotary_base;
  Windows windows;
};

const TransformerCase kCases[] = {
    {"post", NormOrder::post, 0, Windows::no},
    {"pre_with_windows", NormOrder::pre, 0, Windows::yes},
    {"rotary_post_with_windows", NormOrder::post, 100, Windows::yes},
    {"rotary_pre", NormOrder::pre, 100, Windows::no}};

nn::TransformerOptions options_of(const TransformerCase& test) {
  const bool rotary = test.rotary_base != 0;
  return {
      .source_tokens = kVocabulary,
      .target_tokens = kVocabulary,
      .encoder_layers = 1,
      .decoder_layers = 2,
      .layer = {.features = 16,
                .heads = 4,
                .kv_heads = rotary ? 2 : 4,
                .hidden = 24,
                .activation = rotary ? Activation::swiglu : Activation::relu,
                .norm_order = test.order,
                .norm = rotary ? NormKind::rms : NormKind::layer,
                .rotary_base = test.rotary_base},
      .max_length = kModelMaxLength,
      .pad = kPad};
}

// Windows over the target, and a head that does not see one of the tokens of
// the source.
TransformerMasks masks_of(Windows windows, const TensorView& source) {
  TransformerMasks masks = nn::growing_masks(source, kPad);
  if (windows == Windows::no) return masks;
  const Mask fewer = padding({"source", source}, {.pad = 5});
  masks.decoder = masks.decoder & sliding_window({.left = 3});
  masks.cross = masks.cross & per_head({all(), fewer, all(), all()});
  return masks;
}

// Two targets of each source, which begin with the same 4 tokens.
std::vector<TokenSentence> sentences() {
  Rng rng(33);
  std::vector<TokenSentence> all;
  for (const auto& [source, target] :
       {std::pair{5, 10}, {9, int{kMaxLength}}, {1, 6}}) {
    all.push_back(token_sentence(rng, 0, source, target));
    all.push_back(token_sentence(rng, 0, source, target - 1));
    TokenSentence& other = all.back();
    const TokenSentence& first = all[all.size() - 2];
    other.source = first.source;
    std::copy_n(first.target.begin(), 4, other.target.begin());
    other.target[4] = first.target[4] == 2 ? 3 : 2;
  }
  return all;
}

class TransformerStateTest : public ::testing::TestWithParam<TransformerCase> {
 protected:
  using Reader = SentenceReader<TransformerState>;

  TransformerStateTest() : model_(options_of(GetParam())) {
    Rng rng(34);
    randomise(rng, model_, 0.3F);
    poison(model_.source_embedding, kNan);
    poison(model_.target_embedding, kNan);
    for (const TokenSentence& each : sentences_) {
      const ModelBatch alone({each}, {.order = {0}});
      const Tensor& source = alone.source.ids();
      const Tensor logits = model_
                                .forward({{source}, {alone.target.ids()}},
                                         masks_of(GetParam().windows, source))
                                .logits;
      whole_.push_back({each.target, rows_at(logits, {0, logits.dim(1)})});
    }
  }

  TransformerState state(const Tensor& sources, int64_t targets = kTargets,
                         const nn::Compute& compute = {}) const {
    return TransformerState(
        model_, {sources}, masks_of(GetParam().windows, sources),
        {.targets = targets, .max_length = kMaxLength}, compute);
  }

  // The sources that the first of each two sequences read.
  Tensor sources_of(const std::vector<size_t>& reads,
                    const TokenArrangement& how = {}) const {
    std::vector<Tokens> sources;
    for (size_t i = 0; i < reads.size(); i += kTargets) {
      sources.push_back(sentences_[reads[i]].source);
    }
    return padded_ids(sources, how);
  }

  Reader reader(const std::vector<size_t>& reads,
                const TokenArrangement& how = {}) const {
    return Reader(state(sources_of(reads, how)), whole_, reads);
  }
  Reader reader() const { return reader({0, 1, 2, 3, 4, 5}); }

  nn::Transformer model_;
  std::vector<TokenSentence> sentences_ = sentences();
  std::vector<WholeSentence> whole_;
};
INSTANTIATE_TEST_SUITE_P(Models, TransformerStateTest,
                         ::testing::ValuesIn(kCases),
                         [](const auto& each) { return each.param.name; });

TEST_P(TransformerStateTest, WholeSentencesHaveNumbersToCompare) {
  for (const WholeSentence& each : whole_) {
    EXPECT_TRUE(has_numbers(each.logits));
  }
}

TEST_P(TransformerStateTest, StepsOfAnySizeGiveTheBitsOfWholeTargets) {
  for (const int64_t size : {1, 2, 4, 15}) {
    SCOPED_TRACE(size);
    for (size_t i = 0; i < whole_.size(); i += 2) {
      reader({i, i + 1}).read_all(size);
    }
    reader().read_all(size);
  }
}

TEST_P(TransformerStateTest, PaddingOfTheSourcesChangesNoBit) {
  for (const BatchForm form :
       {BatchForm::padded_right, BatchForm::padded_left}) {
    reader({2, 3, 4, 5, 0, 1}, {.form = form, .more = 3}).read_all(3);
  }
}

TEST_P(TransformerStateTest, PaddingMayStandAnywhereInAStep) {
  for (const StepPadding padding :
       {StepPadding::right, StepPadding::left, StepPadding::between}) {
    Reader all = reader();
    all.read({5, 0, 1, 9, 2, 1}, padding);
    all.read({1, 7, 0, 1, 1, 0}, padding);
    all.read_all(4, padding);
  }
}

TEST_P(TransformerStateTest, SomeTargetsGoOnWhileOthersWait) {
  Reader all = reader();
  all.read_some({3, 0, 3, 3, 0});
  all.read_some({5});
  all.read_some({4, 1, 0});
  all.read({0, 0, 0, 0, 0, 0});
  all.read_some({});
  all.read_some({1, 3, 1, 1});
  all.read_all(3);
}

TEST_P(TransformerStateTest, ThreadsAndInstructionSetsChangeNoBit) {
  const std::vector<size_t> reads = {0, 1, 2, 3, 4, 5};
  on_every_machine({1, 2, 7}, [&](const nn::Compute& compute) {
    Reader all(state(sources_of(reads), kTargets, compute), whole_, reads);
    all.read({7, 3, 0, 12, 5, 2}, StepPadding::right, compute);
    all.read_some({3, 0, 3}, compute);
    all.read_all(1, StepPadding::left, compute);
  });
}

TEST_P(TransformerStateTest, ANeighbourFullOfPoisonChangesNoBit) {
  sentences_.push_back({.source = Tokens(7, kOdd), .target = {}});
  whole_.push_back({Tokens(kMaxLength, kOdd), {}});
  for (const int64_t size : {1, 6}) {
    reader({0, 1, 6, 6, 2, 3}).read_all(size, StepPadding::left);
    reader({0, 6, 2, 3}).read_all(size);  // beside its own source
  }
}

TEST_P(TransformerStateTest, TheMemoryIsThatOfTheSources) {
  const Tensor sources = sources_of({0, 1, 2, 3});
  const TransformerMasks masks = masks_of(GetParam().windows, sources);
  const TransformerState two = state(sources);
  EXPECT_EQ(two.batch(), 4);
  EXPECT_TRUE(same_bits(two.memory(), model_.encode({sources}, masks.encoder)));
}

TEST_P(TransformerStateTest, SelectedTargetsGoOnAsIfTheyHadReadItAll) {
  Reader all = reader({0, 0, 3, 2});
  all.read({4, 2, 6, 3});
  all.select({0, 0, 3, 2}, {0, 1, 2, 3});  // one goes two ways; two change
  all.read({1, 3, 2, 0});
  all.select({1, 1, 2, 3}, {1, 1, 2, 3});
  all.read({1, 0, 0, 1});
  all.select({1, 0, 2, 2}, {1, 1, 2, 2});
  all.read_all(2);
}

TEST_P(TransformerStateTest, WhatDoesNotFitIsRefusedAndAppendsNothing) {
  Reader two = reader({2, 3});
  two.read({14, 5});
  const auto appends = [](const Tensor& ids) {
    return [=](TransformerState& state) { state.append(ids); };
  };
  const auto appends_to = [](const std::vector<int64_t>& sequences,
                             const Tokens& tokens) {
    return [=](TransformerState& state) { state.append(sequences, tokens); };
  };
  using enum ErrorCode;
  expect_refused(two, limit,
                 "sequence 0 would have 16 tokens; expected at most 15",
                 appends(Tensor::from<int64_t>({2, 2}, {2, 3, 4, 5})));
  expect_refused(two, shape_mismatch, "expected token ids of shape [2, n]",
                 appends(Tensor::from<int64_t>({1, 1}, {2})));
  expect_refused(two, shape_mismatch, "1 sequences and 2 tokens",
                 appends_to({0}, {2, 3}));
  expect_refused(two, invalid_argument, "sequence 2; expected one from 0 to 1",
                 appends_to({0, 2}, {2, 3}));
  expect_refused(two, invalid_argument, "token id 13",
                 appends(Tensor::from<int64_t>({2, 1}, {2, kVocabulary})));
  expect_refused(two, invalid_argument, "token 0 is padding",
                 appends_to({1, 0}, {2, kPad}));
  expect_refused(two, invalid_argument, "threads", [](TransformerState& state) {
    state.append({0, 1}, {2, 3}, {.threads = 0});
  });
  two.read_all(1);
}

TEST_P(TransformerStateTest, ATargetOfAnotherSourceCannotBeSelected) {
  Reader all = reader({0, 1, 2, 3});
  all.read({3, 2, 5, 1});
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const std::vector<int64_t>& from) {
    expect_refused(all, code, fragment,
                   [&](TransformerState& state) { state.select(from); });
  };
  using enum ErrorCode;
  refuses(invalid_argument,
          "sequence 1 from 2, a target of another source; expected one from 0 "
          "to 1",
          {0, 2, 2, 3});
  refuses(invalid_argument, "sequence 2 from 1, a target of another source",
          {1, 0, 1, 3});
  refuses(invalid_argument, "sequence 3 from 4", {1, 0, 3, 4});
  refuses(invalid_argument, "sequence -1", {-1, 0, 2, 3});
  refuses(shape_mismatch, "3 sequences to select; expected 4", {1, 0, 3});
  refuses(shape_mismatch, "0 sequences to select; expected 4", {});
  all.read_all(2);
}

TEST_P(TransformerStateTest, MasksOfAnotherPadIdAreRefused) {
  const Tensor sources = sources_of({0, 1});
  const TransformerMasks good = nn::growing_masks(sources, kPad);
  const TransformerMasks bad = nn::growing_masks(sources, kPad + 1);
  for (const TransformerMasks& masks :
       {TransformerMasks{bad.encoder, good.decoder, good.cross},
        TransformerMasks{good.encoder, good.decoder, bad.cross}}) {
    EXPECT_TRUE(throws_error(
        ErrorCode::invalid_argument, "a padding() mask of pad id", [&] {
          TransformerState(model_, {sources}, masks, {.max_length = 4});
        }));
  }
}

TEST_P(TransformerStateTest, TargetsThatTheModelCannotHaveAreRefused) {
  const Tensor sources = sources_of({0, 1});
  const auto refuses = [&](ErrorCode code, const std::string& fragment,
                           const Tensor& source,
                           const nn::TransformerStateOptions& options) {
    EXPECT_TRUE(throws_error(code, fragment, [&] {
      TransformerState(model_, {source}, nn::growing_masks(sources, kPad),
                       options);
    }));
  };
  using enum ErrorCode;
  for (const int64_t targets : {0, -1}) {
    refuses(invalid_argument,
            std::to_string(targets) +
                " targets of each source; expected at least 1",
            sources, {.targets = targets, .max_length = 8});
  }
  refuses(limit, "a max_length of 0 tokens", sources, {.targets = 1});
  refuses(limit, "a max_length of 33 tokens; expected from 1 to 32", sources,
          {.targets = 1, .max_length = 33});
  refuses(shape_mismatch, "", Tensor::from<int64_t>({1, 2}, {2, 3}),
          {.targets = 1, .max_length = 8});
  refuses(invalid_argument, "token id 99",
          Tensor::from<int64_t>({1, 5}, {2, 3, 99, 2, 2}),
          {.targets = 1, .max_length = 8});
}

}  // namespace
}  // namespace maskwise::testing
