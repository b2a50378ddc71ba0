// Tensors of queries, keys and values, whatever the order of their axes.
#ifndef MASKWISE_ATTENTION_BHLD_H_
#define MASKWISE_ATTENTION_BHLD_H_

#include <array>
#include <cstdint>
#include <string_view>

#include "backend/forward_problem.h"
#include "maskwise/attention.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

using Sizes = std::array<int64_t, 4>;

// A view of 4 axes, which outlives this, as [B, H, L, D].
class Bhld {
 public:
  // Throws Error that names the argument of the operation when the view does
  // not have 4 axes.
  Bhld(std::string_view operation, std::string_view name,
       const TensorView& view, Layout layout);

  int64_t dim(int64_t axis) const { return view_.dim(from(axis)); }
  Sizes sizes() const { return {dim(0), dim(1), dim(2), dim(3)}; }
  Input input() const;

 private:
  int64_t from(int64_t axis) const {
    if (layout_ == Layout::bhld || axis == 0 || axis == 3) return axis;
    return 3 - axis;
  }

  const TensorView& view_;
  Layout layout_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_BHLD_H_
