#include "maskwise/mask_text.h"

#include "base/fail.h"
#include "mask/mask_parser.h"
#include "mask/node.h"
#include "mask/text_writer.h"

namespace maskwise {

Mask parse_mask(std::string_view text, const TensorMap& tensors) {
  constexpr size_t kLongestText = 64 * 1024;
  if (text.size() > kLongestText) {
    detail::fail(ErrorCode::limit, "mask",
                 "the mask text has {} bytes; expected at most {}", text.size(),
                 kLongestText);
  }
  return detail::MaskParser(text, tensors).parse();
}

MaskText to_string(const Mask& mask) { return detail::write_mask(mask.node()); }

}  // namespace maskwise
