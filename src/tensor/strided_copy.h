// Visits the elements of a strided view in row-major order.
#ifndef MASKWISE_TENSOR_STRIDED_COPY_H_
#define MASKWISE_TENSOR_STRIDED_COPY_H_

#include <cstdint>
#include <vector>

#include "maskwise/tensor_view.h"

namespace maskwise::detail {

// Calls visit(position, offset) for every element: `position` counts from 0
// in row-major order, `offset` is where the element lies, in elements.
template <typename Visit>
void for_each_offset(const TensorView& view, Visit visit) {
  const int64_t count = view.size();
  std::vector<int64_t> index(view.shape().size(), 0);
  int64_t offset = 0;
  for (int64_t position = 0; position < count; ++position) {
    visit(position, offset);
    for (size_t axis = index.size(); axis-- > 0;) {
      const auto a = static_cast<int64_t>(axis);
      if (++index[axis] < view.dim(a)) {
        offset += view.stride(a);
        break;
      }
      offset -= view.stride(a) * (view.dim(a) - 1);
      index[axis] = 0;
    }
  }
}

}  // namespace maskwise::detail

#endif  // MASKWISE_TENSOR_STRIDED_COPY_H_
