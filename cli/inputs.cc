#include "inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "flags.h"

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

const Tensor& require_tensor(const TensorMap& tensors, const std::string& path,
                             const std::string& name, std::string_view axes) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    throw Error(ErrorCode::invalid_argument,
                fmt::format("[input] {} has no tensor '{}'; expected {} {}, "
                            "found {}",
                            path, name, name, axes, names_of(tensors)));
  }
  return found->second;
}

void require_heads(const TensorMap& tensors, const std::string& path,
                   const std::string& name, std::string_view axes) {
  const Tensor& tensor = require_tensor(tensors, path, name, axes);
  if (tensor.rank() != 4) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("[input] expected {} {} in {}, got {}", name, axes,
                            path, to_string(tensor.shape())));
  }
}

// Said here, before the mask meets the shape: attention() would say the same,
// but a length that is really the heads makes the mask complain first.
void require_fit(const AttentionFile& file, const std::string& path) {
  const Tensor& q = file.q();
  const Tensor& k = file.k();
  const Tensor& v = file.v();
  const auto divides = [&q](int64_t kv_heads) {
    return kv_heads == 0 ? q.dim(1) == 0 : q.dim(1) % kv_heads == 0;
  };
  const bool looks_swapped =
      k.dim(2) == q.dim(1) || (k.dim(1) == q.dim(2) && divides(k.dim(2)));
  if (k.dim(0) != q.dim(0) || k.dim(3) != q.dim(3) || !divides(k.dim(1))) {
    throw Error(
        ErrorCode::shape_mismatch,
        fmt::format(
            "[input] k is {} in {}; expected [{}, Hkv, Lk, {}], with "
            "Hkv a divisor of {}, to fit q {}{}",
            to_string(k.shape()), path, q.dim(0), q.dim(3), q.dim(1),
            to_string(q.shape()),
            looks_swapped ? "; the head and length axes look swapped" : ""));
  }
  if (v.dim(0) != k.dim(0) || v.dim(1) != k.dim(1) || v.dim(2) != k.dim(2)) {
    throw Error(ErrorCode::shape_mismatch,
                fmt::format("[input] v is {} in {}; expected [{}, {}, {}, Dv] "
                            "to fit k {}",
                            to_string(v.shape()), path, k.dim(0), k.dim(1),
                            k.dim(2), to_string(k.shape())));
  }
}

TensorView view_or_nothing(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  return found == tensors.end() ? TensorView() : found->second.view();
}

// Said here, under the name that the tensor has in the file.
void require_gradient(const std::string& name, const TensorView& found,
                      std::string_view axes, const Shape& shape) {
  if (found.shape() == shape) return;
  const bool looks_swapped =
      shape.size() == 4 && found.rank() == 4 &&
      found.shape() == Shape{shape[0], shape[2], shape[1], shape[3]};
  throw Error(
      ErrorCode::shape_mismatch,
      fmt::format(
          "[input] expected {} {} = {}, got {}{}", name, axes, to_string(shape),
          to_string(found.shape()),
          looks_swapped ? "; the head and length axes look swapped" : ""));
}

void require_type(const std::string& name, DType found,
                  std::initializer_list<DType> known, std::string_view words) {
  if (std::ranges::find(known, found) != known.end()) return;
  throw Error(ErrorCode::invalid_argument,
              fmt::format("[input] expected {} of type {}, got {}; convert it",
                          name, words, name_of(found)));
}

// Whether the name stands in the text, and not as a part of a longer one.
bool holds_name(std::string_view text, std::string_view name) {
  const auto is_part = [](char c) {
    return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  };
  for (size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_part(text[at - 1])) &&
        (end == text.size() || !is_part(text[end]))) {
      return true;
    }
  }
  return false;
}

// Whether the message is of a tensor, such as one of these; a misspelt word of
// a mask has nothing to do with a file.
bool speaks_of(const Error& error, const TensorMap& tensors) {
  const std::string_view message = error.what();
  return message.find("tensor") != std::string_view::npos ||
         std::ranges::any_of(tensors, [message](const auto& entry) {
           return holds_name(message, entry.first);
         });
}

}  // namespace

Error with_file(const Error& error, const std::string& path) {
  if (path.empty()) return error;
  return {error.code(),
          fmt::format("{} (the input is '{}')", error.what(), path)};
}

BoundMask bind_mask(const std::string& text, const AttentionShape& shape,
                    const TensorMap& tensors, const std::string& path) {
  std::optional<Mask> mask;
  try {
    mask = parse_mask(text, tensors);
  } catch (const Error& error) {
    throw speaks_of(error, tensors) ? with_file(error, path) : error;
  }
  return naming_file(path, [&] { return mask->bind(shape); });
}

AttentionOptions AttentionFile::with_tensors(AttentionOptions options) const {
  options.bias = view_or_nothing(tensors, "bias");
  options.alibi.slopes = view_or_nothing(tensors, "alibi_slopes");
  options.alibi.q_positions = view_or_nothing(tensors, "q_positions");
  options.alibi.kv_positions = view_or_nothing(tensors, "kv_positions");
  return options;
}

IncomingGradients AttentionFile::gradients() const {
  IncomingGradients result = {view_or_nothing(tensors, "do"),
                              view_or_nothing(tensors, "d_lse")};
  naming_file(path, [&] {
    if (result.d_o.defined()) {
      require_gradient("do", result.d_o, "[B, H, Lq, Dv]",
                       {shape.batch, shape.heads, shape.q_len, v().dim(3)});
      require_type("do", result.d_o.dtype(),
                   {DType::f32, DType::f16, DType::bf16}, "f32, f16 or bf16");
    }
    if (result.d_lse.defined()) {
      require_gradient("d_lse", result.d_lse, "[B, H, Lq]",
                       {shape.batch, shape.heads, shape.q_len});
      require_type("d_lse", result.d_lse.dtype(), {DType::f32}, "f32");
    }
  });
  return result;
}

MaskPlan AttentionFile::plan(const std::string& text,
                             int64_t memory_cap) const {
  return compile_under(memory_cap, bind_mask(text, shape, tensors, path));
}

AttentionFile load_attention_file(const std::string& path) {
  AttentionFile file = {path, load_safetensors(path)};
  require_heads(file.tensors, path, "q", "[B, H, Lq, D]");
  require_heads(file.tensors, path, "k", "[B, Hkv, Lk, D]");
  require_heads(file.tensors, path, "v", "[B, Hkv, Lk, Dv]");
  require_fit(file, path);
  file.shape = {file.q().dim(0), file.q().dim(1), file.q().dim(2),
                file.k().dim(2)};
  return file;
}

AttentionFile load_gradient_file(const std::string& path) {
  AttentionFile file = load_attention_file(path);
  require_tensor(file.tensors, path, "do", "[B, H, Lq, Dv]");
  return file;
}

}  // namespace maskwise::cli
