#include "maskwise/nn/module.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/fail.h"

namespace maskwise::nn {
namespace {

using Named = std::vector<std::pair<std::string, Parameter*>>;

Named all_of(Module& module) {
  Named found;
  module.visit_parameters("", [&](const std::string& name, Parameter& one) {
    found.emplace_back(name, &one);
  });
  return found;
}

void check_known(const Named& parameters, const TensorMap& values) {
  for (const auto& [name, value] : values) {
    const bool known = std::ranges::any_of(
        parameters,
        [&name = name](const auto& one) { return one.first == name; });
    if (known) continue;
    detail::fail(ErrorCode::invalid_argument, "load_parameters",
                 "{} is no parameter of this module, which has {} of them, the "
                 "first {}",
                 name, parameters.size(),
                 parameters.empty() ? "none" : parameters.front().first);
  }
}

const Tensor& value_of(const TensorMap& values, const std::string& name,
                       const Shape& shape) {
  const auto found = values.find(name);
  if (found == values.end()) {
    detail::fail(ErrorCode::invalid_argument, "load_parameters",
                 "{} is missing; expected it of shape {}", name,
                 to_string(shape));
  }
  if (found->second.shape() != shape) {
    detail::fail(ErrorCode::shape_mismatch, "load_parameters",
                 "expected {} of shape {}, got {}", name, to_string(shape),
                 to_string(found->second.shape()));
  }
  if (!is_floating(found->second.dtype())) {
    detail::fail(ErrorCode::invalid_argument, "load_parameters",
                 "expected {} of a float type, got {}", name,
                 name_of(found->second.dtype()));
  }
  return found->second;
}

Tensor copy_of(const Tensor& tensor) {
  return tensor.defined() ? tensor.clone() : Tensor();
}

}  // namespace

Parameter::Parameter(const Parameter& other)
    : value(copy_of(other.value)), gradient(copy_of(other.gradient)) {}

Parameter& Parameter::operator=(const Parameter& other) {
  if (this != &other) *this = Parameter(other);
  return *this;
}

TensorMap Module::parameters() {
  TensorMap found;
  for (const auto& [name, one] : all_of(*this)) found[name] = one->value;
  return found;
}

TensorMap Module::gradients() {
  TensorMap found;
  for (const auto& [name, one] : all_of(*this)) found[name] = one->gradient;
  return found;
}

void Module::load_parameters(const TensorMap& values) {
  const Named parameters = all_of(*this);
  check_known(parameters, values);
  std::vector<Tensor> converted;
  for (const auto& [name, one] : parameters) {
    converted.push_back(to_f32(value_of(values, name, one->value.shape())));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    Tensor& value = parameters[i].second->value;
    std::copy_n(converted[i].data<float>(), value.size(),
                value.mutable_data<float>());
  }
}

void Module::zero_gradients() {
  for (const auto& [name, one] : all_of(*this)) {
    std::fill_n(one->gradient.mutable_data<float>(), one->gradient.size(),
                0.0F);
  }
}

}  // namespace maskwise::nn
