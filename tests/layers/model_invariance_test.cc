// Not one bit of a sentence in a whole model depends on the batch that it is
// in, on how that is padded or packed, on the ISA or on threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "maskwise/nn/decoder.h"
#include "maskwise/nn/encoder_classifier.h"
#include "maskwise/nn/transformer.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/machines.h"
#include "tests/support/model_batches.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::Compute;
using nn::NormKind;
using nn::NormOrder;

constexpr int64_t kLayers = 2;
constexpr int64_t kMaxLength = 64;
constexpr uint64_t kSeed = 21;

// The batch below has some 60 rows: with 64 features and 256 hidden ones their
// products are a million multiply-adds, enough to be split over threads.
nn::TransformerLayerOptions layer_of(NormOrder order, double dropout) {
  const bool pre = order == NormOrder::pre;
  return {.features = 64,
          .heads = 4,
          .kv_heads = pre ? 2 : 4,
          .hidden = 256,
          .activation = pre ? Activation::swiglu : Activation::relu,
          .norm_order = order,
          .norm = pre ? NormKind::rms : NormKind::layer,
          .dropout = dropout};
}

// What a model says of each sentence and gives it back, the gradients of its
// parameters, and what it gives padding.
struct Outcome {
  std::vector<TensorMap> sentences;
  TensorMap gradients;
  std::vector<Tensor> beside;
};

struct Call {
  const ModelBatch& batch;
  std::optional<uint64_t> seed;
  Compute compute = {};
};

using Model = std::function<Outcome(const Call&)>;

// Parameters that are the same each time.
template <typename Module>
void prepare(Module& module) {
  Rng rng(15);
  randomise(rng, module, 0.15F);
}

// The gradients of a module on their own: it goes on adding to its own.
TensorMap gradients_of(nn::Module& module) {
  TensorMap copies;
  for (const auto& [name, gradient] : module.gradients()) {
    copies[name] = Tensor::copy_of(gradient);
  }
  return copies;
}

Model transformer(NormOrder order, double dropout) {
  const auto model = std::make_shared<nn::Transformer>(
      nn::TransformerOptions{.source_tokens = kVocabulary,
                             .target_tokens = kVocabulary,
                             .encoder_layers = 1,
                             .decoder_layers = kLayers,
                             .layer = layer_of(order, dropout),
                             .max_length = kMaxLength,
                             .pad = kPad});
  prepare(*model);
  poison(model->source_embedding, kNan);
  poison(model->target_embedding, kNan);
  return [model](const Call& call) {
    const auto& [source, target, d_logits, d_classes] = call.batch;
    const nn::TransformerInput input = {source.batch(call.seed),
                                        target.batch(call.seed)};
    const nn::TransformerMasks masks =
        source.packing()
            ? nn::packed_masks(*source.packing(), *target.packing())
            : nn::padding_masks(source.ids(), target.ids(), kPad);
    model->zero_gradients();
    const auto result = model->forward(input, masks, call.compute);
    const auto d = model->backward(input, result, d_logits, call.compute);
    Outcome found = {
        {},
        gradients_of(*model),
        {rows_beside(d.d_source, source), rows_beside(d.d_target, target)}};
    for (size_t b = 0; b < source.places().size(); ++b) {
      found.sentences.push_back(
          {{"memory", rows_at(result.encoder.y, source.places()[b])},
           {"logits", rows_at(result.logits, target.places()[b])},
           {"d_source", rows_at(d.d_source, source.places()[b])},
           {"d_target", rows_at(d.d_target, target.places()[b])}});
    }
    return found;
  };
}

// Its mask has a window that is shorter than most of the sentences.
Mask decoder_mask(const TokenSide& side) {
  const Mask own = side.packing() ? documents(side.packing()->documents())
                                  : padding(side.ids(), {.pad = kPad});
  return causal() & sliding_window({.left = 6}) & own;
}

// With rotary positions and the embedding's weights at the output, or neither.
Model decoder(NormOrder order, double dropout) {
  const bool tied = order == NormOrder::pre;
  nn::DecoderOptions options = {
      .tokens = kVocabulary,
      .layers = kLayers,
      .layer = layer_of(order, dropout),
      .positions = tied ? nn::Positions::none : nn::Positions::sinusoidal,
      .output = tied ? nn::OutputWeights::embedding : nn::OutputWeights::own,
      .max_length = kMaxLength,
      .pad = kPad};
  options.layer.rotary_base = tied ? 100 : 0;
  const auto model = std::make_shared<nn::Decoder>(options);
  prepare(*model);
  // The poison is a weight of two logits of every row where weights are tied,
  // so that it may not be NaN there: 0 times that is no 0.
  poison(model->embedding, tied ? 1e30F : kNan);
  return [model](const Call& call) {
    const TokenSide& side = call.batch.target;
    const nn::TokenBatch input = side.batch(call.seed);
    model->zero_gradients();
    const auto result = model->forward(input, decoder_mask(side), call.compute);
    const Tensor d =
        model->backward(input, result, call.batch.d_logits, call.compute);
    Outcome found = {{}, gradients_of(*model), {rows_beside(d, side)}};
    for (const TokenSide::Place& place : side.places()) {
      found.sentences.push_back({{"logits", rows_at(result.logits, place)},
                                 {"d_x", rows_at(d, place)}});
    }
    return found;
  };
}

Model classifier(NormOrder order, double dropout) {
  const auto model = std::make_shared<nn::EncoderClassifier>(
      nn::EncoderClassifierOptions{.tokens = kVocabulary,
                                   .classes = kClasses,
                                   .layers = kLayers,
                                   .layer = layer_of(order, dropout),
                                   .max_length = kMaxLength,
                                   .pad = kPad});
  prepare(*model);
  poison(model->embedding, kNan);
  return [model](const Call& call) {
    const TokenSide& side = call.batch.source;
    const nn::TokenBatch input = side.batch(call.seed);
    const Mask mask = side.packing() ? documents(side.packing()->documents())
                                     : padding(side.ids(), {.pad = kPad});
    model->zero_gradients();
    const auto result = model->forward(input, mask, call.compute);
    const Tensor d =
        model->backward(input, result, call.batch.d_classes, call.compute);
    Outcome found = {{}, gradients_of(*model), {rows_beside(d, side)}};
    for (size_t b = 0; b < side.places().size(); ++b) {
      found.sentences.push_back(
          {{"logits", rows_at(result.logits, {static_cast<int64_t>(b), 1})},
           {"d_x", rows_at(d, side.places()[b])}});
    }
    return found;
  };
}

struct NamedModel {
  std::string name;
  std::function<Model()> make;
  std::optional<uint64_t> seed;  // of what is dropped
};

std::vector<NamedModel> all_models() {
  const std::pair<const char*, Model (*)(NormOrder, double)> kinds[] = {
      {"transformer", transformer},
      {"decoder", decoder},
      {"classifier", classifier}};
  std::vector<NamedModel> models;
  for (const auto& [name, make] : kinds) {
    const auto add = [&models, name = name, make = make](
                         const char* suffix, NormOrder order, double dropout) {
      models.push_back({std::string(name) + suffix,
                        [=] { return make(order, dropout); },
                        dropout > 0 ? std::optional(kSeed) : std::nullopt});
    };
    add("_post", NormOrder::post, 0);
    add("_post_dropout", NormOrder::post, 0.25);
    add("_pre_dropout", NormOrder::pre, 0.25);
  }
  return models;
}

// Four that are compared, one without a token, one of the odd token alone, and
// one without a gradient.
constexpr size_t kEmpty = 4;
constexpr size_t kPoisoned = 5;
constexpr size_t kSilent = 6;

std::vector<TokenSentence> sentences() {
  Rng rng(16);
  std::vector<TokenSentence> all = {
      token_sentence(rng, 40, 9, 17), token_sentence(rng, 7, 21, 1),
      token_sentence(rng, 1000003, 2, 33), token_sentence(rng, 3, 30, 9)};
  all.push_back(token_sentence(rng, 41, 0, 0));
  all.back().d_class = Tensor(DType::f32, {1, kClasses});
  all.push_back(token_sentence(rng, 42, 12, 12));
  std::ranges::fill(all.back().source, kOdd);
  std::ranges::fill(all.back().target, kOdd);
  all.push_back(token_sentence(rng, 43, 11, 8));
  all.back().d_logits = Tensor(DType::f32, {8, kVocabulary});
  all.back().d_class = Tensor(DType::f32, {1, kClasses});
  return all;
}

constexpr BatchForm kForms[] = {BatchForm::padded_right, BatchForm::padded_left,
                                BatchForm::packed};

class ModelInvariance : public ::testing::TestWithParam<NamedModel> {
 protected:
  Outcome run(const TokenArrangement& how, const Compute& compute) const {
    return model_({ModelBatch(sentences_, how), GetParam().seed, compute});
  }

  // The four sentences in this arrangement are those of the whole batch.
  void expect_sentences(const TokenArrangement& how,
                        const Outcome& found) const {
    for (size_t b = 0; b < how.order.size(); ++b) {
      const size_t i = how.order[b];
      if (i >= kEmpty) continue;
      for (const auto& [name, rows] : found.sentences[b]) {
        EXPECT_TRUE(same_bits(rows, whole_.sentences[i].at(name)))
            << name << " of sentence " << i;
      }
    }
  }

  void expect_gradients(const Outcome& found) const {
    for (const auto& [name, gradient] : found.gradients) {
      EXPECT_TRUE(same_bits(gradient, whole_.gradients.at(name))) << name;
    }
  }

  // Nothing flows into padding.
  static void expect_none_beside(const Outcome& found) {
    for (const Tensor& each : found.beside) {
      const float* at = each.data<float>();
      EXPECT_TRUE(
          std::all_of(at, at + each.size(), [](float x) { return x == 0; }));
    }
  }

  void expect_sentences_on_every_isa(const TokenArrangement& how) const {
    on_every_machine({2}, [&](const Compute& compute) {
      expect_sentences(how, run(how, compute));
    });
  }

  void expect_all_on_every_isa(const TokenArrangement& how,
                               const std::vector<int>& threads = {7}) const {
    on_every_machine(threads, [&](const Compute& compute) {
      const Outcome found = run(how, compute);
      expect_sentences(how, found);
      expect_gradients(found);
      expect_none_beside(found);
    });
  }

  const std::vector<TokenSentence> sentences_ = sentences();
  const Model model_ = GetParam().make();
  const Outcome whole_ = run({.order = {0, 1, 2, 3}}, {Isa::scalar, 1});
};
INSTANTIATE_TEST_SUITE_P(Models, ModelInvariance,
                         ::testing::ValuesIn(all_models()),
                         [](const auto& each) { return each.param.name; });

// A test of dropout that drops nothing would pass for nothing, too.
TEST_P(ModelInvariance, TheBatchHasNumbersToCompare) {
  for (const TensorMap& each : whole_.sentences) {
    for (const auto& [name, rows] : each) EXPECT_TRUE(has_numbers(rows));
  }
  for (const auto& [name, gradient] : whole_.gradients) {
    EXPECT_TRUE(has_numbers(gradient)) << name;
  }
  const ModelBatch batch(sentences_, {.order = {0, 1, 2, 3}});
  const Outcome undropped = model_({batch, std::nullopt});
  EXPECT_EQ(static_cast<bool>(same_bits(undropped.sentences[0].at("logits"),
                                        whole_.sentences[0].at("logits"))),
            !GetParam().seed);
}

TEST_P(ModelInvariance, ThreadsAndInstructionSetsChangeNoBit) {
  expect_all_on_every_isa({.order = {0, 1, 2, 3}}, {1, 2, 7});
}

TEST_P(ModelInvariance, ASentenceAloneHasTheBitsOfTheOneInTheBatch) {
  for (size_t i = 0; i < 4; ++i) expect_sentences_on_every_isa({.order = {i}});
}

TEST_P(ModelInvariance, SplittingABatchChangesNoBitOfASentence) {
  expect_sentences_on_every_isa({.order = {0, 1}});
  expect_sentences_on_every_isa({.order = {2, 3}, .form = BatchForm::packed});
}

TEST_P(ModelInvariance, ShufflingChangesNoBitOfASentence) {
  for (const BatchForm form : kForms) {
    expect_sentences_on_every_isa({.order = {2, 0, 3, 1}, .form = form});
  }
}

// The embedding of the padding token is poison here.
TEST_P(ModelInvariance, PaddingItsWidthAndItsSideChangeNoBit) {
  expect_all_on_every_isa({.order = {0, 1, 2, 3}, .more = 20});
  expect_all_on_every_isa(
      {.order = {0, 1, 2, 3}, .form = BatchForm::padded_left});
  expect_all_on_every_isa(
      {.order = {0, 1, 2, 3}, .form = BatchForm::padded_left, .more = 5});
}

TEST_P(ModelInvariance, PackingChangesNoBit) {
  expect_all_on_every_isa({.order = {0, 1, 2, 3}, .form = BatchForm::packed},
                          {1, 2, 7});
}

TEST_P(ModelInvariance, AMateWithoutTokensChangesNoBit) {
  for (const BatchForm form :
       {BatchForm::padded_right, BatchForm::padded_left}) {
    expect_all_on_every_isa({.order = {0, kEmpty, 1, 2, 3}, .form = form});
  }
}

TEST_P(ModelInvariance, AMateWithoutAGradientChangesNoBit) {
  for (const BatchForm form : kForms) {
    expect_all_on_every_isa({.order = {0, kSilent, 1, 2, 3}, .form = form});
  }
}

TEST_P(ModelInvariance, AMateFullOfPoisonChangesNoBitOfASentence) {
  for (const BatchForm form : kForms) {
    expect_sentences_on_every_isa(
        {.order = {0, kPoisoned, 2, 1, 3}, .form = form});
  }
}

}  // namespace
}  // namespace maskwise::testing
