#include "maskwise/mask_import.h"

#include <cmath>
#include <string_view>

#include "base/fail.h"
#include "mask/key_table.h"
#include "mask/tensor_checks.h"
#include "mask/tensor_mask.h"

namespace maskwise {
namespace detail {
namespace {

// A float mask as booleans: convert(value, index) of each element.
template <typename Float, typename Convert>
Tensor convert_elements(const Tensor& dense, Convert convert) {
  Tensor result(DType::boolean, dense.shape());
  const auto* in = dense.data<Float>();
  bool* out = result.mutable_data<bool>();
  for (int64_t i = 0; i < dense.size(); ++i) {
    out[i] = convert(static_cast<double>(in[i]), i);
  }
  return result;
}

// A finite f64 must not become infinite on its way.
template <typename Convert>
Tensor to_booleans(const TensorView& view, Convert convert) {
  return view.dtype() == DType::f64
             ? convert_elements<double>(Tensor::copy_of(view), convert)
             : convert_elements<float>(to_f32(view), convert);
}

// Values from here on down are somebody's stand-in for -inf.
constexpr double kLargePenalty = -1000.0;

[[noreturn]] void refuse_finite(std::string_view word, double value,
                                int64_t element) {
  if (value <= kLargePenalty) {
    fail(ErrorCode::invalid_argument, "mask",
         "{}: element {} is {:g}, a large finite value that stands for masked; "
         "it is not: a row whose keys all have it attends to all of them, and "
         "small weights can leak. Write -inf, or a boolean mask with forbid",
         word, element, value);
  }
  fail(ErrorCode::invalid_argument, "mask",
       "{}: element {} is {:g}; expected 0 (may attend) or -inf (masked). A "
       "mask holds no other value: give it to attention as a bias",
       word, element, value);
}

// true = masked.
Tensor masked_where_minus_inf(std::string_view word, const TensorView& view) {
  return to_booleans(view, [&](double value, int64_t element) {
    if (value == 0) return false;
    if (std::isinf(value) && value < 0) return true;
    refuse_finite(word, value, element);
  });
}

Tensor inverted(const Tensor& booleans) {
  Tensor result(DType::boolean, booleans.shape());
  bool* out = result.mutable_data<bool>();
  for (int64_t i = 0; i < booleans.size(); ++i) {
    out[i] = !booleans.data<bool>()[i];
  }
  return result;
}

// A tensor of booleans or of 0 and -inf, as booleans where true = masked.
Tensor read_masked(std::string_view word, const MaskTensor& tensor) {
  return is_floating(tensor.view.dtype())
             ? masked_where_minus_inf(said_as(word, tensor), tensor.view)
             : copy_booleans(word, tensor);
}

// The same where true = may attend.
Tensor read_allowed(std::string_view word, const MaskTensor& tensor) {
  return is_floating(tensor.view.dtype())
             ? inverted(
                   masked_where_minus_inf(said_as(word, tensor), tensor.view))
             : copy_booleans(word, tensor);
}

Mask imported_as_allowed(TensorForm form, std::string_view word,
                         const MaskTensor& tensor) {
  return make_tensor_mask(form, {tensor.name, read_allowed(word, tensor)},
                          written(word, tensor, Polarity::allow));
}

}  // namespace
}  // namespace detail

Mask from_torch_key_padding(const MaskTensor& tensor) {
  constexpr std::string_view kWord = "from_torch_key_padding";
  return detail::make_key_table(
      detail::Polarity::forbid,
      {tensor.name, detail::read_masked(kWord, tensor)},
      detail::written(kWord, tensor, detail::Polarity::forbid));
}

Mask from_torch_attn_mask(const MaskTensor& tensor) {
  constexpr std::string_view kWord = "from_torch_attn_mask";
  if (tensor.view.rank() != 2 && tensor.view.rank() != 3) {
    detail::fail(ErrorCode::shape_mismatch, "mask",
                 "{}: expected [Lq, Lk] or [B*H, Lq, Lk], got {}",
                 detail::said_as(kWord, tensor),
                 to_string(tensor.view.shape()));
  }
  return detail::make_tensor_mask(
      detail::TensorForm::from_torch_attn_mask,
      {tensor.name, detail::read_masked(kWord, tensor)},
      detail::written(kWord, tensor, detail::Polarity::forbid));
}

Mask from_torch_sdpa_mask(const MaskTensor& tensor) {
  return detail::imported_as_allowed(detail::TensorForm::allow,
                                     "from_torch_sdpa_mask", tensor);
}

Mask from_tf_tutorial(const MaskTensor& tensor) {
  const std::string word = detail::said_as("from_tf_tutorial", tensor);
  const Tensor masked =
      detail::to_booleans(tensor.view, [&](double value, int64_t element) {
        if (value == 0 || value == 1) return value == 1;
        detail::fail(ErrorCode::invalid_argument, "mask",
                     "{}: element {} is {:g}; expected 1.0 (masked) or 0.0 "
                     "(may attend), before the multiplication by -1e9",
                     word, element, value);
      });
  return detail::make_tensor_mask(detail::TensorForm::forbid,
                                  {tensor.name, masked},
                                  {"from_tf_tutorial", word, "1 means masked"});
}

Mask from_additive(const MaskTensor& tensor) {
  const std::string word = detail::said_as("from_additive", tensor);
  if (!is_floating(tensor.view.dtype())) {
    detail::fail(ErrorCode::invalid_argument, "mask",
                 "{}: expected floats of 0 and -inf, got {}; booleans are "
                 "read by allow (true = may attend) and forbid (true = masked)",
                 word, name_of(tensor.view.dtype()));
  }
  return detail::imported_as_allowed(detail::TensorForm::allow, "from_additive",
                                     tensor);
}

Mask from_onnx(const MaskTensor& attn_mask) {
  return detail::imported_as_allowed(detail::TensorForm::from_onnx, "from_onnx",
                                     attn_mask);
}

}  // namespace maskwise
