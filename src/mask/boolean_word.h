// What a word that holds a boolean tensor tells those who write messages: an
// importer becomes another word, and people know only the one they wrote.
#ifndef MASKWISE_MASK_BOOLEAN_WORD_H_
#define MASKWISE_MASK_BOOLEAN_WORD_H_

#include <string>
#include <string_view>

#include "maskwise/mask.h"

namespace maskwise::detail {

// Whether true in a tensor means may attend or masked.
enum class Polarity { allow, forbid };

// A clause as it was written.
struct WrittenClause {
  std::string_view word;     // "from_torch_key_padding", a literal
  std::string text;          // "from_torch_key_padding(m)"
  std::string_view meaning;  // "true means masked", a literal
};

// The clause word(tensor), whose tensor is boolean, or float of 0 and -inf.
WrittenClause written(std::string_view word, const MaskTensor& tensor,
                      Polarity polarity);

class BooleanWord {
 public:
  virtual ~BooleanWord() = default;
  virtual const WrittenClause& clause_written() const = 0;
  // Whether it says the same for every query: a mask of keys.
  virtual bool is_of_keys() const = 0;
};

// The way out for a tensor of the wrong shape: "; a mask of keys [B, Lk] is
// read by allow_keys, ...", or "" when `found` is no common mistake.
std::string shape_hint(std::string_view word, const Shape& found,
                       const AttentionShape& shape);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_BOOLEAN_WORD_H_
