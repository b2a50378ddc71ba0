#include "attention/bhld.h"

#include "base/fail.h"

namespace maskwise::detail {

Bhld::Bhld(std::string_view operation, std::string_view name,
           const TensorView& view, Layout layout)
    : view_(view), layout_(layout) {
  if (view.defined() && view.rank() == 4) return;
  fail(ErrorCode::shape_mismatch, operation,
       "expected {} with 4 axes ({}), got {}", name,
       layout == Layout::bhld ? "[B, H, L, D]" : "[B, L, H, D]",
       view.defined() ? to_string(view.shape()) : "nothing");
}

Input Bhld::input() const {
  Input input;
  input.data = view_.bytes();
  input.dtype = view_.dtype();
  for (int64_t i = 0; i < 4; ++i) input.stride[i] = view_.stride(from(i));
  return input;
}

}  // namespace maskwise::detail
