#include "tests/onnx/onnx_call.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>

namespace maskwise::testing {
namespace {

using Names = std::initializer_list<const char*>;

// The values of qk_matmul_output_mode.
constexpr int64_t kRawScores = 0;
constexpr int64_t kCappedScores = 1;
constexpr int64_t kBiasedScores = 2;
constexpr int64_t kSoftmax = 3;

void expect_known(const std::string& name, Names known) {
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  throw std::runtime_error(name + " has no translation");
}

// The tensors [B, L, H, D], or [B, L, H * D] read as such.
TensorView split_heads(const TensorView& view, int64_t heads) {
  return {view.bytes(),
          view.dtype(),
          {view.dim(0), view.dim(1), heads, view.dim(2) / heads},
          {view.stride(0), view.stride(1), view.dim(2) / heads * view.stride(2),
           view.stride(2)}};
}

// [B, H, L, D] of `past` and then `now` along L.
Tensor concatenate(const TensorView& past, const TensorView& now) {
  const Tensor first = Tensor::copy_of(past);
  const Tensor second = Tensor::copy_of(now);
  Tensor both(now.dtype(),
              {now.dim(0), now.dim(1), past.dim(2) + now.dim(2), now.dim(3)});
  const auto bytes_of = [&](const Tensor& part) {
    return static_cast<size_t>(part.dim(2) * part.dim(3) *
                               size_of(part.dtype()));
  };
  auto* to = static_cast<char*>(both.mutable_bytes());
  for (int64_t slice = 0; slice < now.dim(0) * now.dim(1); ++slice) {
    for (const Tensor& part : {first, second}) {
      const auto bytes = bytes_of(part);
      std::memcpy(to,
                  static_cast<const char*>(part.bytes()) +
                      static_cast<size_t>(slice) * bytes,
                  bytes);
      to += bytes;
    }
  }
  return both;
}

class Call {
 public:
  Call(const OnnxCase& wanted, const AttentionOptions& where)
      : case_(wanted), options_(where) {
    for (const auto& item : wanted.attributes.items()) {
      expect_known(
          item.key(),
          {"is_causal", "kv_num_heads", "left_window_size", "q_num_heads",
           "qk_matmul_output_mode", "right_window_size", "scale", "softcap",
           // How precise the softmax is at least: it is f32 here.
           "softmax_precision"});
    }
    for (const auto& [name, tensor] : wanted.inputs) {
      expect_known(name, {"Q", "K", "V", "attn_mask", "past_key", "past_value",
                          "nonpad_kv_seqlen"});
    }
  }

  TensorMap run() {
    read_tensors();
    read_mask();
    read_options();
    const AttentionResult result =
        attention(q_, k_, v_, compile(mask_.bind(shape_)), options_);
    TensorMap outputs;
    for (const auto& [name, tensor] : case_.outputs) {
      outputs[name] = output(name, result);
    }
    return outputs;
  }

 private:
  bool flat() const { return case_.inputs.at("Q").rank() == 3; }

  template <typename T>
  T attribute(const char* name, T otherwise) const {
    return case_.attributes.value(name, otherwise);
  }

  // An input as [B, L, H, D] where inputs have 3 axes, else as [B, H, L, D].
  TensorView input(const char* name, const char* heads) const {
    const Tensor& tensor = case_.inputs.at(name);
    if (!flat()) return tensor;
    return split_heads(tensor, case_.attributes.at(heads));
  }

  // The same as [B, H, L, D], or [B, H, L, D] in the order of the inputs.
  TensorView swapped(const TensorView& view) const {
    return flat() ? view.permuted({0, 2, 1, 3}) : view;
  }

  // All keys or values: those of `past` and then those of the call. [B, H, L,
  // D] whatever the order of the inputs.
  Tensor with_past(const char* name, const char* past) const {
    const TensorView now = swapped(input(name, "kv_num_heads"));
    const auto found = case_.inputs.find(past);
    return found == case_.inputs.end() ? Tensor::copy_of(now)
                                       : concatenate(found->second, now);
  }

  void read_tensors() {
    options_.layout = flat() ? Layout::blhd : Layout::bhld;
    q_ = input("Q", "q_num_heads");
    if (case_.inputs.count("past_key") > 0 ||
        case_.outputs.count("present_key") > 0) {
      present_key_ = with_past("K", "past_key");
      present_value_ = with_past("V", "past_value");
      k_ = swapped(present_key_);
      v_ = swapped(present_value_);
    } else {
      k_ = input("K", "kv_num_heads");
      v_ = input("V", "kv_num_heads");
    }
    const TensorView q = swapped(q_);
    shape_ = {q.dim(0), q.dim(1), q.dim(2), swapped(k_).dim(2)};
  }

  void read_mask() {
    OnnxAttention said;
    const auto given = [&](const char* name) {
      return case_.inputs.count(name) > 0;
    };
    if (given("attn_mask")) said.attn_mask = case_.inputs.at("attn_mask");
    if (given("past_key")) {
      said.past_sequence_length = case_.inputs.at("past_key").dim(2);
    }
    if (given("nonpad_kv_seqlen")) {
      said.nonpad_kv_seqlen = case_.inputs.at("nonpad_kv_seqlen");
    }
    said.is_causal = attribute<int64_t>("is_causal", 0) != 0;
    said.left_window_size = attribute<int64_t>("left_window_size", -1);
    said.right_window_size = attribute<int64_t>("right_window_size", -1);
    OnnxMask read = from_onnx_attention(said, shape_);
    mask_ = read.mask;
    bias_ = read.bias;
  }

  void read_options() {
    if (bias_.defined()) options_.bias = bias_;
    options_.softcap = attribute<float>("softcap", 0);
    if (case_.attributes.contains("scale")) {
      options_.scale = case_.attributes.at("scale").get<float>();
    }
    if (case_.outputs.count("qk_matmul_output") == 0) return;
    switch (mode()) {
      case kRawScores:
        options_.scores = Scores::raw;
        break;
      case kCappedScores:
        options_.scores = Scores::capped;
        break;
      case kBiasedScores:
        options_.scores = Scores::biased;
        break;
      case kSoftmax:
        options_.weights = Weights::all;
        break;
      default:
        throw std::runtime_error("an unknown qk_matmul_output_mode");
    }
  }

  int64_t mode() const {
    return attribute<int64_t>("qk_matmul_output_mode", kRawScores);
  }

  Tensor output(const std::string& name, const AttentionResult& result) const {
    expect_known(name,
                 {"Y", "present_key", "present_value", "qk_matmul_output"});
    if (name == "present_key") return present_key_;
    if (name == "present_value") return present_value_;
    if (name == "qk_matmul_output") {
      return from_f32(mode() == kSoftmax ? result.weights : result.scores,
                      q_.dtype());
    }
    if (!flat()) return result.o;
    const Shape& blhd = result.o.shape();
    return Tensor::copy_of({result.o.bytes(),
                            result.o.dtype(),
                            {blhd[0], blhd[1], blhd[2] * blhd[3]}});
  }

  const OnnxCase& case_;
  AttentionOptions options_;
  TensorView q_, k_, v_;
  Tensor present_key_, present_value_;  // [B, H, L, D]
  Tensor bias_;
  Mask mask_ = all();
  AttentionShape shape_;
};

}  // namespace

TensorMap run_onnx_case(const OnnxCase& wanted, const AttentionOptions& where) {
  return Call(wanted, where).run();
}

}  // namespace maskwise::testing
