// Runs a Transformer encoder or decoder, or a layer of one, as PyTorch's
// modules of the same names do, so that anyone can hold one against the other:
// with every parameter = cos(0, 1, 2, ...), or with parameters that PyTorch
// saved.
#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "maskwise/maskwise.h"
#include "maskwise/nn/transformer_layers.h"

namespace mw = maskwise;
namespace nn = maskwise::nn;

namespace {

struct Flags {
  std::string kind = "encoder";
  int layers = 1;
  int64_t d_model = 4;
  int64_t heads = 2;
  int64_t ffn = 16;
  std::string activation = "relu";
  std::string norm = "post";
  bool causal = false;
  std::string parameters;
  std::string input;
  std::string output;
};

const std::map<std::string, nn::Activation> kActivations = {
    {"relu", nn::Activation::relu},
    {"gelu", nn::Activation::gelu},
    {"swiglu", nn::Activation::swiglu}};

nn::TransformerLayerOptions options_of(const Flags& flags) {
  nn::TransformerLayerOptions options;
  options.features = flags.d_model;
  options.heads = flags.heads;
  options.hidden = flags.ffn;
  options.activation = kActivations.at(flags.activation);
  options.norm_order =
      flags.norm == "pre" ? nn::NormOrder::pre : nn::NormOrder::post;
  return options;
}

// Layers one after the other, and a norm where a file of parameters has one (as
// PyTorch's stacks have when they are given it); names as those of PyTorch's
// stacks, such as layers.0.norm1.weight, or, of a layer alone, norm1.weight.
template <typename Layer>
class Stack : public nn::Module {
 public:
  explicit Stack(const Flags& flags) {
    for (int i = 0; i < flags.layers; ++i) {
      layers.emplace_back(options_of(flags));
    }
  }

  void visit_parameters(const std::string& prefix,
                        const nn::ParameterVisitor& visit) override {
    for (size_t i = 0; i < layers.size(); ++i) {
      const std::string name =
          is_alone ? "" : "layers." + std::to_string(i) + ".";
      layers[i].visit_parameters(prefix + name, visit);
    }
    if (norm) norm->visit_parameters(prefix + "norm.", visit);
  }

  // The last layer's y, normalised where there is a norm.
  mw::Tensor finished(const mw::Tensor& y) const {
    return norm ? norm->forward(y) : y;
  }

  std::vector<Layer> layers;
  std::optional<nn::Norm> norm;
  bool is_alone = false;
};

constexpr const char* kFirst = "layers.0.norm1.weight";
constexpr const char* kNorm = "norm.weight";

template <typename Layer>
void fill(Stack<Layer>& stack, const std::string& file, int64_t features) {
  if (!file.empty()) {
    const mw::TensorMap values = mw::load_safetensors(file);
    stack.is_alone = stack.layers.size() == 1 && !values.contains(kFirst);
    if (values.contains(kNorm)) stack.norm.emplace(features);
    stack.load_parameters(values);
    return;
  }
  stack.visit_parameters("", [](const std::string&, nn::Parameter& one) {
    for (int64_t i = 0; i < one.value.size(); ++i) {
      one.value.mutable_data<float>()[i] =
          static_cast<float>(std::cos(static_cast<double>(i)));
    }
  });
}

const mw::Tensor& tensor_of(const mw::TensorMap& tensors,
                            const std::string& name) {
  const auto found = tensors.find(name);
  if (found != tensors.end() && found->second.rank() == 3) return found->second;
  throw mw::Error(
      mw::ErrorCode::invalid_argument,
      "[torch_parity] the input has " +
          (found == tensors.end()
               ? "no tensor " + name
               : name + " of shape " + mw::to_string(found->second.shape())) +
          "; expected it as f32 [B, L, d_model]");
}

// The names that PyTorch's modules have for ours.
const std::map<std::string, std::string> kNames = {
    {"src", "x"},
    {"tgt", "x"},
    {"src_key_padding_mask", "key_padding_mask"},
    {"tgt_key_padding_mask", "key_padding_mask"}};

// The tensors by our names.
mw::TensorMap renamed(const mw::TensorMap& tensors) {
  mw::TensorMap found;
  for (const auto& [name, tensor] : tensors) {
    const auto own = kNames.find(name);
    const std::string& to = own == kNames.end() ? name : own->second;
    if (found.emplace(to, tensor).second) continue;
    throw mw::Error(
        mw::ErrorCode::invalid_argument,
        "[torch_parity] the input has " + to + " by two names; expected one");
  }
  return found;
}

// A mask by another name would be none at all.
void check_names(const mw::TensorMap& tensors,
                 const std::set<std::string>& known) {
  for (const auto& [name, tensor] : tensors) {
    if (known.contains(name)) continue;
    std::string what = "[torch_parity] the input has a tensor ";
    what += name;
    what += "; expected only:";
    for (const std::string& one : known) what.append(" ").append(one);
    throw mw::Error(mw::ErrorCode::invalid_argument, what);
  }
}

// The mask of a key padding mask of that name, true = masked; without one
// every key is there.
mw::Mask padding_of(const mw::TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? mw::all()
                                : mw::from_torch_key_padding(found->second);
}

mw::MaskPlan plan_of(const mw::Mask& mask, const Flags& flags,
                     const mw::Tensor& queries, const mw::Tensor& keys) {
  return mw::compile(mask.bind({.batch = queries.dim(0),
                                .heads = flags.heads,
                                .q_len = queries.dim(1),
                                .kv_len = keys.dim(1)}));
}

mw::Tensor run_encoder(const Flags& flags, const mw::TensorMap& in) {
  check_names(in, {"key_padding_mask", "x"});
  Stack<nn::EncoderLayer> stack(flags);
  fill(stack, flags.parameters, flags.d_model);
  mw::Tensor x = tensor_of(in, "x");
  mw::Mask mask = padding_of(in, "key_padding_mask");
  if (flags.causal) mask = mask & mw::causal();
  const mw::MaskPlan plan = plan_of(mask, flags, x, x);
  for (const nn::EncoderLayer& layer : stack.layers) {
    x = layer.forward(x, plan).y;
  }
  return stack.finished(x);
}

mw::Tensor run_decoder(const Flags& flags, const mw::TensorMap& in) {
  check_names(in,
              {"key_padding_mask", "memory", "memory_key_padding_mask", "x"});
  Stack<nn::DecoderLayer> stack(flags);
  fill(stack, flags.parameters, flags.d_model);
  mw::Tensor x = tensor_of(in, "x");
  const mw::Tensor& memory = tensor_of(in, "memory");
  mw::Mask mask = padding_of(in, "key_padding_mask");
  if (flags.causal) mask = mask & mw::causal();
  const mw::MaskPlan self = plan_of(mask, flags, x, x);
  const mw::MaskPlan cross =
      plan_of(padding_of(in, "memory_key_padding_mask"), flags, x, memory);
  for (const nn::DecoderLayer& layer : stack.layers) {
    x = layer.forward(x, memory, {self, cross}).y;
  }
  return stack.finished(x);
}

void add_flags(CLI::App& app, Flags& flags) {
  app.add_option("--kind", flags.kind, "encoder or decoder")
      ->check(CLI::IsMember({"encoder", "decoder"}))
      ->capture_default_str();
  app.add_option("--layers", flags.layers, "layers, one after the other")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--d-model", flags.d_model)->capture_default_str();
  app.add_option("--heads", flags.heads)->capture_default_str();
  app.add_option("--ffn", flags.ffn)->capture_default_str();
  app.add_option("--activation", flags.activation, "relu, gelu or swiglu")
      ->check(CLI::IsMember(kActivations))
      ->capture_default_str();
  app.add_option("--norm", flags.norm, "post or pre")
      ->check(CLI::IsMember({"post", "pre"}))
      ->capture_default_str();
  app.add_flag("--causal", flags.causal, "a look-ahead mask on x, too");
  app.add_option("--parameters", flags.parameters,
                 "safetensors with PyTorch's names (default: each cos(0, 1, "
                 "2, ...))");
  app.add_option(
         "input", flags.input,
         "safetensors: x [B, L, d_model]; of a decoder memory; perhaps "
         "key_padding_mask, memory_key_padding_mask (true = masked); or "
         "src, tgt, src_key_padding_mask, ... as PyTorch says")
      ->required();
  app.add_option("-o,--output", flags.output, "safetensors: y")->required();
}

}  // namespace

int main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Transformer layers beside PyTorch's");
  add_flags(app, flags);
  try {
    app.parse(argc, argv);
    const mw::TensorMap in = renamed(mw::load_safetensors(flags.input));
    const mw::Tensor y = flags.kind == "encoder" ? run_encoder(flags, in)
                                                 : run_decoder(flags, in);
    mw::save_safetensors(flags.output, {{"y", y}});
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "[torch_parity] " << error.what() << "\n";
    return 2;
  } catch (const mw::Error& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
  return 0;
}
