#include "maskwise/nn/transformer_layers.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "maskwise/mask.h"
#include "maskwise/mask_plan.h"
#include "tests/base/thrown_error.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/layer_masks.h"

namespace maskwise::testing {
namespace {

using nn::Activation;
using nn::DecoderLayer;
using nn::DecoderLayerGradients;
using nn::DecoderLayerResult;
using nn::EncoderLayer;
using nn::EncoderLayerResult;
using nn::NormKind;
using nn::NormOrder;
using nn::TransformerLayerOptions;

constexpr AttentionShape kSelf = {2, 2, 4, 4};
constexpr AttentionShape kCross = {2, 2, 4, 3};

// Both orders of norm, with an activation, a norm and kv heads of each kind.
std::vector<TransformerLayerOptions> all_options() {
  std::vector<TransformerLayerOptions> options;
  for (const NormOrder order : {NormOrder::post, NormOrder::pre}) {
    for (const Activation activation :
         {Activation::relu, Activation::gelu, Activation::swiglu}) {
      const bool gated = activation == Activation::swiglu;
      options.push_back({.features = 6,
                         .heads = 2,
                         .kv_heads = gated ? 1 : 2,
                         .hidden = 5,
                         .activation = activation,
                         .norm_order = order,
                         .norm = gated ? NormKind::rms : NormKind::layer,
                         .eps = 0.125F});
    }
  }
  return options;
}

// The same with dropout and rotary positions, which want even heads.
std::vector<TransformerLayerOptions> all_options_of_training() {
  std::vector<TransformerLayerOptions> options = all_options();
  for (TransformerLayerOptions& each : options) {
    each.features = 8;
    each.dropout = 0.25;
    each.dropout_site = 12;
    each.rotary_base = 50;
  }
  return options;
}

// Of a batch with padding at the left and in the middle.
nn::TokenRows rows_of_training() {
  nn::TokenRows rows =
      nn::token_rows(Tensor::from<int64_t>({2, 4}, {0, 5, 3, 8, 7, 0, 0, 4}));
  rows.dropout = 21;
  return rows;
}

void expect_encoder(Rng& rng, const TransformerLayerOptions& options,
                    const nn::TokenRows& rows = {}) {
  EncoderLayer layer(options);
  randomise(rng, layer);
  const Tensor seen = mask_with_gaps(rng, kSelf);
  const MaskPlan plan = compile(allow(seen).bind(kSelf));
  const Tensor x = normal(rng, {2, 4, options.features});
  const Tensor d_y = normal(rng, {2, 4, options.features});
  WideMap at = wide_parameters(layer);
  at["x"] = widened(x);
  const LayerFunction y_of = [&](const WideMap& w) {
    return encoder_oracle(w, 2, options, visible_in(seen), rows);
  };
  const EncoderLayerResult result = layer.forward(x, plan, {}, rows);
  expect_close(result.y, y_of(at), "y");
  TensorMap found = layer.gradients();
  found["x"] = layer.backward(result, plan, d_y, {}, rows);
  expect_slopes(y_of, at, d_y, found);
}

TEST(EncoderLayer, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(13);
  for (const TransformerLayerOptions& options : all_options()) {
    expect_encoder(rng, options);
  }
}

TEST(EncoderLayer, DropoutAndRotaryPositionsAreThoseOfTheFormula) {
  Rng rng(47);
  for (const TransformerLayerOptions& options : all_options_of_training()) {
    expect_encoder(rng, options, rows_of_training());
  }
}

void expect_decoder(Rng& rng, const TransformerLayerOptions& options,
                    const nn::TokenRows& rows = {}) {
  DecoderLayer layer(options);
  randomise(rng, layer);
  const Tensor seen = mask_with_gaps(rng, kSelf);
  const Tensor crossed = mask_with_gaps(rng, kCross);
  const MaskPlan self = compile(allow(seen).bind(kSelf));
  const MaskPlan cross = compile(allow(crossed).bind(kCross));
  const Tensor x = normal(rng, {2, 4, options.features});
  const Tensor memory = normal(rng, {2, 3, options.features});
  const Tensor d_y = normal(rng, {2, 4, options.features});
  WideMap at = wide_parameters(layer);
  at["x"] = widened(x);
  at["memory"] = widened(memory);
  const LayerFunction y_of = [&](const WideMap& w) {
    return decoder_oracle(w, 2, options, visible_in(seen), visible_in(crossed),
                          rows);
  };
  const DecoderLayerResult result =
      layer.forward(x, memory, {self, cross}, {}, rows);
  expect_close(result.y, y_of(at), "y");
  const DecoderLayerGradients gradients =
      layer.backward(result, memory, {self, cross}, d_y, {}, rows);
  TensorMap found = layer.gradients();
  found["x"] = gradients.d_x;
  found["memory"] = gradients.d_memory;
  expect_slopes(y_of, at, d_y, found);
}

TEST(DecoderLayer, ValuesAndGradientsAreThoseOfTheFormula) {
  Rng rng(14);
  for (const TransformerLayerOptions& options : all_options()) {
    expect_decoder(rng, options);
  }
}

TEST(DecoderLayer, DropoutAndRotaryPositionsAreThoseOfTheFormula) {
  Rng rng(48);
  for (const TransformerLayerOptions& options : all_options_of_training()) {
    expect_decoder(rng, options, rows_of_training());
  }
}

TEST(TransformerLayers, RefuseSizesThatDoNotFitTogether) {
  const auto refuses = [](const TransformerLayerOptions& options,
                          const std::string& fragment) {
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { EncoderLayer{options}; }));
    EXPECT_TRUE(throws_error(ErrorCode::invalid_argument, fragment,
                             [&] { DecoderLayer{options}; }));
  };
  refuses({}, "0 features and 1 heads");
  refuses({.features = 4, .heads = 3, .hidden = 1}, "4 features and 3 heads");
  refuses({.features = 4, .heads = 2, .kv_heads = 4, .hidden = 1},
          "2 heads and 4 kv heads");
  refuses({.features = 4, .heads = 2},
          "[feed_forward] 0 hidden features; expected at least 1");
  refuses({.features = 4, .hidden = 1, .eps = kNan}, "eps is nan");
  refuses({.features = 4, .hidden = 1, .dropout = 1}, "p is 1; expected");
  refuses({.features = 6, .heads = 2, .hidden = 1, .rotary_base = 100},
          "heads of 3 features under rotary positions");
}

class BadCalls : public ::testing::TestWithParam<NormOrder> {
 protected:
  TransformerLayerOptions options() const {
    return {.features = 4, .heads = 2, .hidden = 3, .norm_order = GetParam()};
  }
  static MaskPlan plan(int64_t heads, int64_t q_len, int64_t kv_len) {
    return compile(all().bind({1, heads, q_len, kv_len}));
  }

  const Tensor x_ = Tensor(DType::f32, {1, 3, 4});
  const Tensor memory_ = Tensor(DType::f32, {1, 5, 4});
  const MaskPlan self_ = plan(2, 3, 3);
  const MaskPlan cross_ = plan(2, 3, 5);
};
INSTANTIATE_TEST_SUITE_P(TransformerLayers, BadCalls,
                         ::testing::Values(NormOrder::post, NormOrder::pre));

TEST_P(BadCalls, OfAnEncoderAreRefused) {
  EncoderLayer layer(options());
  const auto refuses = [&](const std::string& fragment, const TensorView& x,
                           const MaskPlan& mask) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, fragment,
                             [&] { layer.forward(x, mask); }));
  };
  refuses("got nothing", {}, self_);
  refuses("got [1, 3, 5]", Tensor(DType::f32, {1, 3, 5}), self_);
  refuses("expected x of shape [1, 3, 4], got [1, 5, 4]", memory_, self_);
  refuses(
      "[self_attention] a mask of shape [1, 2, 3, 5]; expected [B, H, L, L], "
      "as many keys as queries",
      x_, cross_);
  refuses("expected a plan of 2 heads, got one of 1", x_, plan(1, 3, 3));
  EXPECT_TRUE(throws_error(
      ErrorCode::invalid_argument, "expected x of type f32, got f16", [&] {
        layer.forward(Tensor(DType::f16, {1, 3, 4}), self_);
      }));
  const EncoderLayerResult result = layer.forward(x_, self_);
  const auto refuses_back = [&](const std::string& fragment,
                                const EncoderLayerResult& made,
                                const TensorView& d_y) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, fragment,
                             [&] { layer.backward(made, self_, d_y); }));
  };
  refuses_back("got nothing", result, {});
  refuses_back("expected d_y of shape [1, 3, 4], got [1, 5, 4]", result,
               memory_);
  refuses_back("got nothing", {}, x_);
}

TEST_P(BadCalls, OfADecoderAreRefused) {
  DecoderLayer layer(options());
  const auto refuses = [&](const std::string& fragment, const TensorView& x,
                           const TensorView& memory, const MaskPlan& cross) {
    EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, fragment, [&] {
      layer.forward(x, memory, {self_, cross});
    }));
  };
  refuses("got nothing", {}, memory_, cross_);
  refuses("expected memory of shape [1, 5, 4], got [1, 3, 4]", x_, x_, cross_);
  // Without memory it must not attend to itself, even where the shapes fit.
  refuses("expected memory of shape [..., 4], got nothing", x_, {}, self_);
  refuses("expected a plan of 2 heads, got one of 4", x_, memory_,
          plan(4, 3, 5));
  const DecoderLayerResult result = layer.forward(x_, memory_, {self_, cross_});
  const DecoderLayerResult own = layer.forward(x_, x_, {self_, self_});
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch,
                           "expected memory of shape [..., 4], got nothing",
                           [&] {
                             layer.backward(own, {}, {self_, self_}, x_);
                           }));
  EXPECT_TRUE(throws_error(
      ErrorCode::shape_mismatch, "expected d_y of shape [1, 3, 4]", [&] {
        layer.backward(result, memory_, {self_, cross_}, memory_);
      }));
  EXPECT_TRUE(throws_error(ErrorCode::shape_mismatch, "got nothing", [&] {
    layer.backward({}, memory_, {self_, cross_}, x_);
  }));
}

}  // namespace
}  // namespace maskwise::testing
