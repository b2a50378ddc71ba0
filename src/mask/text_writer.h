// Writes a mask as text and collects the tensors that the text names.
#ifndef MASKWISE_MASK_TEXT_WRITER_H_
#define MASKWISE_MASK_TEXT_WRITER_H_

#include <set>
#include <string>
#include <string_view>

#include "maskwise/mask.h"
#include "maskwise/mask_text.h"

namespace maskwise::detail {

class Node;

class TextWriter {
 public:
  // Names in `taken` are not used for tensors without a name.
  explicit TextWriter(std::set<std::string> taken = {})
      : taken_(std::move(taken)) {}

  // "word" or "word(a, b=1)": open, arguments, close. An argument with an
  // empty name is positional.
  void open(std::string_view word);
  void argument(std::string_view name, int64_t value);
  void argument(std::string_view name, std::string_view value);
  void argument(std::string_view name, const PerBatch& value);
  void argument(std::string_view name, const std::string& wanted_name,
                const Tensor& tensor);
  void argument(const Position& position);
  void argument(const Node& mask);
  void close();

  // Operators.
  void text(std::string_view text) { result_.text += text; }

  const MaskText& result() const { return result_; }
  const std::set<std::string>& said_names() const { return said_names_; }

 private:
  void separate(std::string_view name);
  std::string bind_name(const std::string& wanted, const Tensor& tensor);
  std::string free_name(const std::string& wanted) const;

  MaskText result_;
  std::set<std::string> taken_;
  std::set<std::string> said_names_;
  bool first_argument_ = true;
};

// The text of a whole mask.
MaskText write_mask(const Node& node);

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_TEXT_WRITER_H_
