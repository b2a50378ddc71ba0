// The words of the text form: their parameters and what they make.
#ifndef MASKWISE_MASK_WORD_TABLE_H_
#define MASKWISE_MASK_WORD_TABLE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "maskwise/mask.h"

namespace maskwise::detail {

enum class ParameterKind {
  integer,
  per_batch,  // a number, a list or a tensor
  tensor,
  align,  // top_left or bottom_right
};

enum class Need { required, optional };

struct Parameter {
  std::string_view name;
  ParameterKind kind;
  Need need = Need::optional;
};

// What a user wrote for a parameter.
using Argument = std::variant<int64_t, PerBatch, MaskTensor, Align>;

// The arguments of one use of a word, checked against its parameters.
class Arguments {
 public:
  bool empty() const { return values_.empty(); }
  bool has(std::string_view name) const { return values_.contains(name); }
  void set(std::string_view name, Argument value) {
    values_.emplace(name, std::move(value));
  }

  std::optional<int64_t> integer(std::string_view name) const;
  const PerBatch& per_batch(std::string_view name) const;
  const MaskTensor& tensor(std::string_view name) const;
  Position position() const;  // of align and offset

 private:
  std::map<std::string_view, Argument> values_;
};

// A word: its parameters, the first of which may be given without its name.
struct WordRule {
  std::string_view name;
  std::vector<Parameter> parameters;
  Mask (*make)(const Arguments& arguments) = nullptr;
  Mask (*make_of_masks)(const std::vector<Mask>& masks) = nullptr;
};

const std::vector<WordRule>& word_rules();

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_WORD_TABLE_H_
