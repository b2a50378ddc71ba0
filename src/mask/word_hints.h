// What people write who know other frameworks, and the words of ours that they
// mean: for error messages only, nothing here is accepted.
#ifndef MASKWISE_MASK_WORD_HINTS_H_
#define MASKWISE_MASK_WORD_HINTS_H_

#include <string>
#include <string_view>
#include <vector>

#include "maskwise/tensor.h"

namespace maskwise::detail {

// "; did you mean 'sliding_window'?" for "window" and the like, else for the
// nearest of `known`, else "". The case of letters does not count.
std::string word_hint(std::string_view found,
                      const std::vector<std::string_view>& known);

// The same for the two alignments.
std::string align_hint(std::string_view found);

// "; write & for and" for "and", "&&" and the like, else "".
std::string operator_hint(std::string_view found);

// The words that read a tensor of this type, for a tensor that stands alone:
// "allow(m) (true = may attend) or forbid(m) (true = masked)".
std::string tensor_words(std::string_view name, DType dtype);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_WORD_HINTS_H_
