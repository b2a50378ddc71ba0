// Not one bit of a sentence depends on the batch that it is in, on padding, on
// the ISA or on threads.
#include <gtest/gtest.h>
#include <oneapi/tbb/global_control.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "maskwise/mask_plan.h"
#include "maskwise/nn/transformer_layers.h"
#include "tests/support/attention_bits.h"
#include "tests/support/layer_batches.h"
#include "tests/support/layer_gradients.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::Compute;
using nn::NormKind;
using nn::NormOrder;

// 60 rows of 64 features and 256 hidden ones are a million multiply-adds: above
// the size from which products are split over threads.
constexpr int64_t kFeatures = 64;
constexpr int64_t kHidden = 256;
constexpr int64_t kHeads = 4;

// Gradients of the inputs and, summed over the batch, of the parameters.
struct Outcome {
  Tensor y;
  Tensor d_x;
  Tensor d_memory = {};  // not defined: none
  TensorMap gradients = {};
};

using Layer = std::function<Outcome(const Batch&, const Compute&)>;

// A layer with parameters that are the same each time.
template <typename Module>
void prepare(Module& module) {
  Rng rng(15);
  randomise(rng, module, 0.15F);
}

Outcome linear(const Batch& batch, const Compute& compute) {
  nn::Linear layer(kFeatures, kFeatures);
  prepare(layer);
  return {.y = layer.forward(batch.x.values, compute),
          .d_x = layer.backward(batch.x.values, batch.d_y.values, compute),
          .gradients = layer.gradients()};
}

Outcome norm(NormKind kind, const Batch& batch) {
  nn::Norm layer(kFeatures, kind);
  prepare(layer);
  return {.y = layer.forward(batch.x.values),
          .d_x = layer.backward(batch.x.values, batch.d_y.values),
          .gradients = layer.gradients()};
}

Outcome feed_forward(Activation activation, const Batch& batch,
                     const Compute& compute) {
  nn::FeedForward layer(kFeatures, kHidden, activation);
  prepare(layer);
  const nn::FeedForwardResult result = layer.forward(batch.x.values, compute);
  return {
      .y = result.y,
      .d_x = layer.backward(batch.x.values, result, batch.d_y.values, compute),
      .gradients = layer.gradients()};
}

MaskPlan plan_of(const Mask& mask, const PaddedRows& queries,
                 const PaddedRows& keys) {
  return compile(
      mask.bind({queries.batch(), kHeads, queries.length(), keys.length()}));
}

Outcome attend(int64_t kv_heads, const Batch& batch, const Compute& compute) {
  nn::MultiHeadAttention layer({kFeatures, kHeads, kv_heads});
  prepare(layer);
  const MaskPlan plan =
      plan_of(both_present(batch.x, batch.memory), batch.x, batch.memory);
  const nn::MultiHeadAttentionResult result = layer.forward(
      batch.x.values, batch.memory.values, plan, Weights::none, compute);
  const nn::MultiHeadAttentionGradients gradients =
      layer.backward(batch.x.values, batch.memory.values, plan, result,
                     batch.d_y.values, compute);
  return {result.y, gradients.d_x, gradients.d_memory, layer.gradients()};
}

// What varies in layers of both orders.
nn::TransformerLayerOptions options_of(NormOrder order, Activation activation) {
  const bool gated = activation == Activation::swiglu;
  return {.features = kFeatures,
          .heads = kHeads,
          .kv_heads = gated ? 2 : kHeads,
          .hidden = kHidden,
          .activation = activation,
          .norm_order = order,
          .norm = gated ? NormKind::rms : NormKind::layer};
}

Outcome encode(const nn::TransformerLayerOptions& options, const Batch& batch,
               const Compute& compute) {
  nn::EncoderLayer layer(options);
  prepare(layer);
  const MaskPlan plan =
      plan_of(both_present(batch.x, batch.x), batch.x, batch.x);
  const nn::EncoderLayerResult result =
      layer.forward(batch.x.values, plan, compute);
  return {.y = result.y,
          .d_x = layer.backward(result, plan, batch.d_y.values, compute),
          .gradients = layer.gradients()};
}

Outcome decode(const nn::TransformerLayerOptions& options, const Batch& batch,
               const Compute& compute) {
  nn::DecoderLayer layer(options);
  prepare(layer);
  const MaskPlan self =
      plan_of(causal() & both_present(batch.x, batch.x), batch.x, batch.x);
  const MaskPlan cross =
      plan_of(both_present(batch.x, batch.memory), batch.x, batch.memory);
  const nn::DecoderLayerResult result = layer.forward(
      batch.x.values, batch.memory.values, {self, cross}, compute);
  const nn::DecoderLayerGradients gradients = layer.backward(
      result, batch.memory.values, {self, cross}, batch.d_y.values, compute);
  return {result.y, gradients.d_x, gradients.d_memory, layer.gradients()};
}

struct NamedLayer {
  std::string name;
  Layer run;
};

std::vector<NamedLayer> all_layers() {
  std::vector<NamedLayer> layers = {
      {"linear", linear},
      {"layer_norm",
       [](const Batch& b, const Compute&) { return norm(NormKind::layer, b); }},
      {"rms_norm",
       [](const Batch& b, const Compute&) { return norm(NormKind::rms, b); }}};
  for (const int64_t kv_heads : {4, 2}) {
    layers.push_back({"attention_" + std::to_string(kv_heads),
                      [=](const Batch& b, const Compute& compute) {
                        return attend(kv_heads, b, compute);
                      }});
  }
  const std::pair<const char*, Activation> activations[] = {
      {"relu", Activation::relu},
      {"gelu", Activation::gelu},
      {"swiglu", Activation::swiglu}};
  for (const auto& [name, activation] : activations) {
    layers.push_back({std::string("feed_forward_") + name,
                      [=](const Batch& b, const Compute& compute) {
                        return feed_forward(activation, b, compute);
                      }});
    for (const NormOrder order : {NormOrder::post, NormOrder::pre}) {
      const nn::TransformerLayerOptions options = options_of(order, activation);
      const std::string suffix =
          std::string(order == NormOrder::post ? "_post_" : "_pre_") + name;
      layers.push_back(
          {"encoder" + suffix, [=](const Batch& b, const Compute& compute) {
             return encode(options, b, compute);
           }});
      layers.push_back(
          {"decoder" + suffix, [=](const Batch& b, const Compute& compute) {
             return decode(options, b, compute);
           }});
    }
  }
  return layers;
}

std::vector<Sentence> sentences() {
  Rng rng(16);
  return {sentence(rng, 17, 9, kFeatures), sentence(rng, 1, 21, kFeatures),
          sentence(rng, 33, 2, kFeatures), sentence(rng, 9, 30, kFeatures)};
}

class MaskedIsAbsent : public ::testing::TestWithParam<NamedLayer> {
 protected:
  // What an arrangement gives on each ISA with 1, 2 and 7 threads, against the
  // whole batch without a gap on one thread.
  template <typename Compare>
  void on_every_machine(const Arrangement& how, Compare compare) const {
    const tbb::global_control seven(
        tbb::global_control::max_allowed_parallelism, 7);
    const Batch batch(sentences_, how);
    for (const IsaInfo& info : devices().isas()) {
      if (!info.available) continue;
      for (const int threads : {1, 2, 7}) {
        SCOPED_TRACE(::testing::Message()
                     << info.name << ", " << threads << " threads");
        compare(batch, GetParam().run(batch, {info.isa, threads}));
        if (HasFailure()) return;
      }
    }
  }

  // Sentence `found_at` of an outcome is sentence `i` of the whole batch, in
  // its output and the gradients of its inputs.
  void expect_sentence(const Batch& batch, const Outcome& found,
                       int64_t found_at, size_t i) const {
    const auto at = static_cast<int64_t>(i);
    EXPECT_TRUE(same_bits(rows_of(found.y, batch.x, found_at),
                          rows_of(whole_.y, whole_batch_.x, at)))
        << "y of sentence " << i;
    EXPECT_TRUE(same_bits(rows_of(found.d_x, batch.x, found_at),
                          rows_of(whole_.d_x, whole_batch_.x, at)))
        << "d_x of sentence " << i;
    if (!found.d_memory.defined()) return;
    EXPECT_TRUE(same_bits(rows_of(found.d_memory, batch.memory, found_at),
                          rows_of(whole_.d_memory, whole_batch_.memory, at)))
        << "d_memory of sentence " << i;
  }

  void expect_sentences(const Arrangement& how) const {
    on_every_machine(how, [&](const Batch& batch, const Outcome& found) {
      for (size_t b = 0; b < how.order.size(); ++b) {
        expect_sentence(batch, found, static_cast<int64_t>(b), how.order[b]);
      }
    });
  }

  // Nothing flows into padding.
  static void expect_no_gradient(const Tensor& gradient,
                                 const PaddedRows& like) {
    const int64_t features = gradient.dim(2);
    for (int64_t row = 0; row < like.batch() * like.length(); ++row) {
      if (like.present.data<bool>()[row]) continue;
      const float* at = gradient.data<float>() + row * features;
      ASSERT_TRUE(
          std::all_of(at, at + features, [](float x) { return x == 0; }))
          << "row " << row;
    }
  }

  const std::vector<Sentence> sentences_ = sentences();
  const Batch whole_batch_ =
      Batch(sentences_, {.order = {0, 1, 2, 3}, .filler = 0});
  const Outcome whole_ = GetParam().run(whole_batch_, {Isa::scalar, 1});
};
INSTANTIATE_TEST_SUITE_P(Layers, MaskedIsAbsent,
                         ::testing::ValuesIn(all_layers()),
                         [](const auto& each) { return each.param.name; });

// A test of equal NaNs or zeros would pass for nothing.
TEST_P(MaskedIsAbsent, TheBatchHasNumbersToCompare) {
  for (int64_t b = 0; b < 4; ++b) {
    for (const Tensor& rows : {rows_of(whole_.y, whole_batch_.x, b),
                               rows_of(whole_.d_x, whole_batch_.x, b)}) {
      const float* at = rows.data<float>();
      EXPECT_TRUE(std::all_of(at, at + rows.size(), [](float x) {
        return std::isfinite(x) && x != 0;
      })) << b;
    }
  }
}

TEST_P(MaskedIsAbsent, ASentenceAloneHasTheBitsOfTheOneInTheBatch) {
  for (size_t i = 0; i < sentences_.size(); ++i) {
    expect_sentences({.order = {i}});
  }
}

TEST_P(MaskedIsAbsent, ShufflingChangesNoBitOfASentence) {
  expect_sentences({.order = {2, 0, 3, 1}, .right = 2});
}

TEST_P(MaskedIsAbsent, NanInPaddingAndItsWidthChangeNoBit) {
  for (const Arrangement& how : {Arrangement{{0, 1, 2, 3}, 0, 0, kNan},
                                 Arrangement{{0, 1, 2, 3}, 5, 0, kInf},
                                 Arrangement{{0, 1, 2, 3}, 3, 40, kNan}}) {
    expect_sentences(how);
    on_every_machine(how, [&](const Batch& batch, const Outcome& found) {
      for (const auto& [name, gradient] : found.gradients) {
        EXPECT_TRUE(same_bits(gradient, whole_.gradients.at(name))) << name;
      }
      expect_no_gradient(found.d_x, batch.x);
      if (!found.d_memory.defined()) return;
      expect_no_gradient(found.d_memory, batch.memory);
    });
  }
}

}  // namespace
}  // namespace maskwise::testing
