#include "layer_case.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>

#include "maskwise/nn/initialise.h"
#include "maskwise/nn/linear.h"
#include "maskwise/nn/token_rows.h"
#include "maskwise/nn/transformer_layers.h"
#include "suggest.h"

namespace maskwise::cli {
namespace {

constexpr const char* kLinear = "linear";
constexpr const char* kPacked = "encoder_layer";
constexpr const char* kPadded = "encoder_layer_padded";

constexpr uint64_t kSeed = 20260801;
constexpr int64_t kLongest = 256;
constexpr std::array<int64_t, 8> kFilled = {100, 10, 90, 25, 75, 40, 60, 50};

Tensor random_tensor(const Shape& shape) {
  std::mt19937 random(kSeed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  Tensor tensor(DType::f32, shape);
  std::generate_n(tensor.mutable_data<float>(), tensor.size(),
                  [&] { return uniform(random); });
  return tensor;
}

nn::Compute compute_at(const BenchPlace& place) {
  return {.isa = place.isa, .threads = place.threads};
}

LayerCase linear_case(int64_t rows, int64_t features, const BenchPlace& place) {
  const auto layer = std::make_shared<nn::Linear>(features, features);
  nn::initialise(*layer, kSeed);
  const Tensor x = random_tensor({rows, features});
  const nn::Compute compute = compute_at(place);
  const bool is_forward = place.pass == Pass::forward;
  const auto products = static_cast<double>(rows * features * features);
  return {.name = kLinear,
          .rows = rows,
          .features = features,
          .useful_flop = (is_forward ? 2 : 4) * products,
          .subject = [=] {
            if (is_forward) {
              layer->forward(x, compute);
            } else {
              layer->backward(x, x, compute);
            }
          }};
}

nn::TransformerLayerOptions layer_options() {
  nn::TransformerLayerOptions options;
  options.features = 512;
  options.heads = 8;
  options.hidden = 2048;
  return options;
}

// 1 where a token is, 0 in padding.
Tensor token_ids() {
  Tensor ids(DType::i64, {std::ssize(kFilled), kLongest});
  auto* row = ids.mutable_data<int64_t>();
  for (const int64_t percent : kFilled) {
    std::fill_n(row, kLongest * percent / 100, 1);
    row += kLongest;
  }
  return ids;
}

// A layer with what it is called with.
struct LayerCall {
  LayerCall() : layer(layer_options()) { nn::initialise(layer, kSeed); }

  // y of x under the plan; and what came of it, when gradients are wanted.
  Tensor run(const Tensor& rows, const Tensor& d_y, const MaskPlan& plan,
             const BenchPlace& place) {
    const nn::Compute compute = compute_at(place);
    const nn::EncoderLayerResult result = layer.forward(rows, plan, compute);
    if (place.pass == Pass::forward) return result.y;
    return layer.backward(result, plan, d_y, compute);
  }

  nn::EncoderLayer layer;
  Tensor ids = token_ids();
  Tensor x = random_tensor({ids.dim(0), ids.dim(1), layer_options().features});
};

MaskPlan plan_of(const Mask& mask, int64_t batch, int64_t length) {
  return compile(mask.bind({.batch = batch,
                            .heads = layer_options().heads,
                            .q_len = length,
                            .kv_len = length}));
}

// Of tokens that are there: four E x E products of attention and two E x hidden
// of the feed-forward layer, and 4 E for each visible pair; backward twice as
// much again.
double layer_flop(Pass pass) {
  const nn::TransformerLayerOptions options = layer_options();
  const auto e = static_cast<double>(options.features);
  const auto hidden = static_cast<double>(options.hidden);
  double flop = 0;
  for (const int64_t percent : kFilled) {
    const int64_t present = kLongest * percent / 100;
    const auto tokens = static_cast<double>(present);
    flop += tokens * 2 * (4 * e * e + 2 * e * hidden) + 4 * e * tokens * tokens;
  }
  return pass == Pass::forward ? flop : 3 * flop;
}

std::vector<LayerCase> linear_cases(const LinearSizes& sizes,
                                    const BenchPlace& place) {
  std::vector<LayerCase> cases;
  for (const int64_t rows : sizes.rows) {
    for (const int64_t features : sizes.features) {
      cases.push_back(linear_case(rows, features, place));
    }
  }
  return cases;
}

LayerCase packed_layer_case(const BenchPlace& place) {
  const auto call = std::make_shared<LayerCall>();
  return {.name = kPacked,
          .rows = nn::Packing(call->ids).tokens(),
          .features = layer_options().features,
          .useful_flop = layer_flop(place.pass),
          .subject = [=] {
            const nn::Packing packing(call->ids);
            const Tensor rows = packing.pack(call->x);
            const MaskPlan plan =
                plan_of(documents(packing.documents()), 1, packing.tokens());
            packing.unpack(call->run(rows, rows, plan, place));
          }};
}

LayerCase padded_layer_case(const BenchPlace& place) {
  const auto call = std::make_shared<LayerCall>();
  return {.name = kPadded,
          .rows = call->ids.size(),
          .features = layer_options().features,
          .useful_flop = layer_flop(place.pass),
          .subject = [=] {
            const MaskPlan plan =
                plan_of(padding(call->ids), call->ids.dim(0), kLongest);
            call->run(call->x, call->x, plan, place);
          }};
}

}  // namespace

std::vector<std::string> layer_case_names() {
  return {kLinear, kPacked, kPadded};
}

std::vector<LayerCase> make_layer_cases(const std::string& name,
                                        const LinearSizes& sizes,
                                        const BenchPlace& place) {
  if (name == kLinear) return linear_cases(sizes, place);
  if (name == kPacked) return {packed_layer_case(place)};
  if (name == kPadded) return {padded_layer_case(place)};
  const std::vector<std::string> known = layer_case_names();
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("[bench-layers] unknown case '{}'; expected all, or some "
                  "of: {}{}",
                  name, fmt::join(known, ", "), did_you_mean(name, known)));
}

}  // namespace maskwise::cli
