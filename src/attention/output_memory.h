// Whether the memory of a caller's outputs may be written to as they lie.
#ifndef MASKWISE_ATTENTION_OUTPUT_MEMORY_H_
#define MASKWISE_ATTENTION_OUTPUT_MEMORY_H_

#include <span>
#include <string_view>

#include "maskwise/tensor_view.h"

namespace maskwise::detail {

// A tensor of a call; not defined: there is none.
struct NamedView {
  std::string_view name;
  const TensorView& view;
};

// Throws Error when elements of an output share memory with each other, or an
// output shares some with an input or another output. Tensors that lie between
// each other's elements, as those of one packed buffer do, are fine.
void check_memory(std::span<const NamedView> outputs,
                  std::span<const NamedView> inputs);

}  // namespace maskwise::detail

#endif  // MASKWISE_ATTENTION_OUTPUT_MEMORY_H_
