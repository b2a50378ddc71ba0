#include "maskwise/nn/checkpoint.h"

#include <string_view>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "maskwise/io.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;
using maskwise::detail::printable;

constexpr std::string_view kModel = "model.";
constexpr std::string_view kAdam = "adam.";
constexpr std::string_view kNumber = "number.";

std::string show(const std::string& path) {
  return printable(path, maskwise::detail::kLongestShownPath);
}

// What a file holds, by what it is for.
struct Parts {
  TensorMap model;
  TensorMap adam;
  CheckpointNumbers numbers;
};

std::variant<int64_t, double> number_of(const Tensor& tensor,
                                        const std::string& name,
                                        const std::string& path) {
  if (tensor.rank() == 0 && tensor.dtype() == DType::i64) {
    return tensor.data<int64_t>()[0];
  }
  if (tensor.rank() == 0 && tensor.dtype() == DType::f64) {
    return tensor.data<double>()[0];
  }
  fail(ErrorCode::io, "checkpoint",
       "'{}': {} is {} of shape {}; expected a number, i64 or f64 of shape []",
       show(path), printable(name), name_of(tensor.dtype()),
       to_string(tensor.shape()));
}

Parts parts_of(const std::string& path) {
  Parts parts;
  for (const auto& [name, tensor] : load_safetensors(path)) {
    if (name.starts_with(kModel)) {
      parts.model[name.substr(kModel.size())] = tensor;
    } else if (name.starts_with(kAdam)) {
      parts.adam[name] = tensor;
    } else if (name.starts_with(kNumber)) {
      parts.numbers[name.substr(kNumber.size())] =
          number_of(tensor, name, path);
    } else {
      fail(ErrorCode::io, "checkpoint",
           "'{}' holds {}, which is no part of a checkpoint; expected model.*, "
           "adam.* and number.*",
           show(path), printable(name));
    }
  }
  return parts;
}

// Calls load(), whose errors do not know of the file.
template <typename Load>
void load_from(const std::string& path, std::string_view whose, Load load) {
  try {
    load();
  } catch (const Error& error) {
    const std::string_view what = error.what();
    fail(error.code(), "checkpoint", "'{}' does not fit the {}: {}", show(path),
         whose, what.substr(what.find(' ') + 1));
  }
}

}  // namespace

void save_checkpoint(const std::string& path, Module& module, const Adam& adam,
                     const CheckpointNumbers& numbers) {
  TensorMap tensors = adam.state();
  for (const auto& [name, value] : module.parameters()) {
    tensors[std::string(kModel) + name] = value;
  }
  for (const auto& [name, number] : numbers) {
    tensors[std::string(kNumber) + name] = std::visit(
        [](auto value) { return Tensor::from<decltype(value)>({}, {value}); },
        number);
  }
  save_safetensors(path, tensors);
}

CheckpointNumbers load_checkpoint(const std::string& path, Module& module,
                                  Adam& adam) {
  const Parts parts = parts_of(path);
  // Into another one, because the module may still refuse its part.
  Adam loaded(module, adam.options());
  load_from(path, "optimizer", [&] { loaded.load_state(parts.adam); });
  load_from(path, "module", [&] { module.load_parameters(parts.model); });
  adam = std::move(loaded);
  return parts.numbers;
}

CheckpointNumbers load_checkpoint(const std::string& path, Module& module) {
  const Parts parts = parts_of(path);
  load_from(path, "module", [&] { module.load_parameters(parts.model); });
  return parts.numbers;
}

}  // namespace maskwise::nn
