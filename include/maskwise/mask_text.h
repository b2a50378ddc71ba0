// Masks from and to text: `causal & padding(token_ids, pad=0)`.
#ifndef MASKWISE_MASK_TEXT_H_
#define MASKWISE_MASK_TEXT_H_

#include <string>
#include <string_view>

#include "maskwise/mask.h"
#include "maskwise/tensor.h"

namespace maskwise {

// Parses the text form (docs/masks.md has the grammar). A bare name in an
// argument is a tensor of `tensors`. Throws Error that names the column, what
// was found, what was expected and, for a misspelt word, the nearest one.
// Limits: 64 KiB of text, depth 64.
Mask parse_mask(std::string_view text, const TensorMap& tensors = {});

// A mask's text and the tensors that it names, such that
// parse_mask(text, tensors) equals the mask.
struct MaskText {
  std::string text;
  TensorMap tensors;
};

MaskText to_string(const Mask& mask);

}  // namespace maskwise

#endif  // MASKWISE_MASK_TEXT_H_
