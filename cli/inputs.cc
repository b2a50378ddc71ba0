#include "inputs.h"

#include <fmt/format.h>

#include <string_view>

namespace maskwise::cli {
namespace {

std::string names_of(const TensorMap& tensors) {
  std::string names;
  for (const auto& [name, tensor] : tensors) {
    names += fmt::format("{}{} {}", names.empty() ? "" : ", ", name,
                         to_string(tensor.shape()));
  }
  return names.empty() ? "no tensor" : names;
}

void require_heads(const TensorMap& tensors, const std::string& path,
                   const std::string& name, std::string_view axes) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[input] {} has no tensor '{}'; expected {} {}, "
                            "found {}",
                            path, name, name, axes, names_of(tensors)));
  }
  if (found->second.rank() != 4) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("[input] expected {} {} in {}, got {}", name, axes,
                            path, to_string(found->second.shape())));
  }
}

TensorView view_or_nothing(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? TensorView() : found->second.view();
}

}  // namespace

AttentionOptions AttentionFile::with_tensors(AttentionOptions options) const {
  options.bias = view_or_nothing(tensors, "bias");
  options.alibi.slopes = view_or_nothing(tensors, "alibi_slopes");
  options.alibi.q_positions = view_or_nothing(tensors, "q_positions");
  options.alibi.kv_positions = view_or_nothing(tensors, "kv_positions");
  return options;
}

MaskPlan AttentionFile::plan(const std::string& text) const {
  return compile(parse_mask(text, tensors).bind(shape));
}

AttentionFile load_attention_file(const std::string& path) {
  AttentionFile file;
  file.tensors = load_safetensors(path);
  require_heads(file.tensors, path, "q", "[B, H, Lq, D]");
  require_heads(file.tensors, path, "k", "[B, Hkv, Lk, D]");
  require_heads(file.tensors, path, "v", "[B, Hkv, Lk, Dv]");
  file.shape = {file.q().dim(0), file.q().dim(1), file.q().dim(2),
                file.k().dim(2)};
  return file;
}

}  // namespace maskwise::cli
