#include "maskwise/nn/feed_forward.h"

#include <string_view>

#include "base/fail.h"
#include "layers/elementwise.h"
#include "layers/rows.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::ActivationKind;

constexpr std::string_view kOperation = "feed_forward";

ActivationKind kind_of(Activation activation) {
  if (activation == Activation::relu) return ActivationKind::relu;
  return activation == Activation::gelu ? ActivationKind::gelu
                                        : ActivationKind::silu;
}

// Named here, where it is known what the matrices are of.
int64_t checked_size(std::string_view name, int64_t size) {
  if (size >= 1) return size;
  maskwise::detail::fail(ErrorCode::invalid_argument, kOperation,
                         "{} {}; expected at least 1", size, name);
}

// Before a gradient is added to.
void check_result(const Shape& kept, Activation activation,
                  const FeedForwardResult& result) {
  detail::check_kept(kOperation, "result.hidden", result.hidden, kept);
  detail::check_kept(kOperation, "result.activated", result.activated, kept);
  if (activation == Activation::swiglu) {
    detail::check_kept(kOperation, "result.gate", result.gate, kept);
  }
}

}  // namespace

FeedForward::FeedForward(int64_t features, int64_t hidden,
                         Activation activation, const Dropout& dropout)
    : linear1(checked_size("features", features),
              checked_size("hidden features", hidden)),
      linear2(hidden, features),
      linear_gate(activation == Activation::swiglu ? Linear(features, hidden)
                                                   : Linear(1, 1)),
      activation_(activation),
      dropout_(dropout) {}

FeedForwardResult FeedForward::forward(const TensorView& x,
                                       const Compute& compute,
                                       const TokenRows& tokens) const {
  FeedForwardResult result;
  result.hidden = linear1.forward(x, compute);
  if (activation_ == Activation::swiglu) {
    result.gate = linear_gate.forward(x, compute);
    result.activated = detail::product_of(
        detail::activated(kind_of(activation_), result.gate, compute),
        result.hidden);
  } else {
    result.activated =
        detail::activated(kind_of(activation_), result.hidden, compute);
  }
  if (dropout_.is_active(tokens)) {
    if (x.rank() < 3) {
      maskwise::detail::fail(
          ErrorCode::shape_mismatch, kOperation,
          "expected x of shape [B, L, {}] where features are dropped, got {}",
          linear1.inputs(), to_string(x.shape()));
    }
    result.activated = dropout_.apply(result.activated, tokens);
  }
  result.y = linear2.forward(result.activated, compute);
  return result;
}

Tensor FeedForward::backward(const TensorView& x,
                             const FeedForwardResult& result,
                             const TensorView& d_y, const Compute& compute,
                             const TokenRows& tokens) {
  const detail::Rows d_rows(kOperation, "d_y", d_y, linear2.outputs());
  check_same_rows(kOperation,
                  detail::Rows(kOperation, "x", x, linear1.inputs()), d_rows);
  check_result(d_rows.shape_of(linear1.outputs()), activation_, result);
  Tensor d_activated = linear2.backward(result.activated, d_y, compute);
  if (dropout_.is_active(tokens)) {
    d_activated = dropout_.apply(d_activated, tokens);
  }
  const ActivationKind kind = kind_of(activation_);
  if (activation_ != Activation::swiglu) {
    Tensor d_hidden =
        detail::activated_back(kind, result.hidden, d_activated, compute);
    detail::clear_absent(d_rows, d_hidden);
    return linear1.backward(x, d_hidden, compute);
  }
  Tensor d_hidden = detail::product_of(
      d_activated, detail::activated(kind, result.gate, compute));
  Tensor d_gate = detail::activated_back(
      kind, result.gate, detail::product_of(d_activated, result.hidden),
      compute);
  detail::clear_absent(d_rows, d_hidden);
  detail::clear_absent(d_rows, d_gate);
  return detail::sum_of(linear1.backward(x, d_hidden, compute),
                        linear_gate.backward(x, d_gate, compute));
}

void FeedForward::visit_parameters(const std::string& prefix,
                                   const ParameterVisitor& visit) {
  linear1.visit_parameters(prefix + "linear1.", visit);
  linear2.visit_parameters(prefix + "linear2.", visit);
  if (activation_ == Activation::swiglu) {
    linear_gate.visit_parameters(prefix + "linear_gate.", visit);
  }
}

}  // namespace maskwise::nn
