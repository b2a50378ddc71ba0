#include "mask/text_writer.h"

#include <cctype>

#include "base/format.h"
#include "mask/node.h"
#include "mask/tensor_checks.h"

namespace maskwise::detail {
namespace {

// Longer lists are printed as a tensor.
constexpr size_t kLongestList = 16;

// `name` with every character that the text form cannot read as part of a
// name replaced by '_'.
std::string readable_name(const std::string& name) {
  std::string out = name;
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0 && c != '.') c = '_';
  }
  const bool digit_first =
      !out.empty() && std::isalpha(static_cast<unsigned char>(out[0])) == 0;
  return digit_first && out[0] != '_' ? "_" + out : out;
}

}  // namespace

void TextWriter::open(std::string_view word) {
  result_.text += word;
  first_argument_ = true;
}

void TextWriter::separate(std::string_view name) {
  result_.text += first_argument_ ? "(" : ", ";
  first_argument_ = false;
  if (!name.empty()) result_.text += formatted("{}=", name);
}

void TextWriter::argument(std::string_view name, int64_t value) {
  argument(name, std::string_view(formatted("{}", value)));
}

void TextWriter::argument(std::string_view name, std::string_view value) {
  separate(name);
  result_.text += value;
}

void TextWriter::argument(std::string_view name, const PerBatch& value) {
  const auto& values = value.values();
  if (value.single()) {
    argument(name, values[0]);
  } else if (value.from_tensor() || values.size() > kLongestList) {
    const Shape shape = {static_cast<int64_t>(values.size())};
    argument(name, value.name(), Tensor::from(shape, values));
  } else {
    argument(name, std::string_view("[" + joined(values, ",") + "]"));
  }
}

void TextWriter::argument(std::string_view name, const std::string& wanted_name,
                          const Tensor& tensor) {
  const std::string bound = bind_name(wanted_name, tensor);
  argument(name, std::string_view(bound));
}

void TextWriter::argument(const Position& position) {
  if (position.align) {
    argument("align", std::string_view(*position.align == Align::top_left
                                           ? "top_left"
                                           : "bottom_right"));
  }
  if (position.offset) argument("offset", *position.offset);
}

void TextWriter::argument(const Node& mask) {
  separate("");
  mask.write(*this);
  first_argument_ = false;
}

void TextWriter::close() {
  if (!first_argument_) result_.text += ")";
}

std::string TextWriter::free_name(const std::string& wanted) const {
  const auto is_free = [&](const std::string& name) {
    return !result_.tensors.contains(name);
  };
  if (!wanted.empty() && is_free(wanted)) return wanted;
  const std::string stem = wanted.empty() ? "t" : wanted + "_";
  for (int number = wanted.empty() ? 0 : 2;; ++number) {
    std::string name = formatted("{}{}", stem, number);
    if (is_free(name) && !taken_.contains(name)) return name;
  }
}

std::string TextWriter::bind_name(const std::string& wanted,
                                  const Tensor& tensor) {
  std::string said = readable_name(wanted);
  if (!said.empty()) {
    said_names_.insert(said);
    const auto known = result_.tensors.find(said);
    if (known != result_.tensors.end() &&
        same_contents(known->second, tensor)) {
      return said;
    }
  }
  std::string name = free_name(said);
  result_.tensors.emplace(name, tensor);
  return name;
}

MaskText write_mask(const Node& node) {
  // The first pass learns the names that were said, so that a tensor without
  // one does not take a name that a later one bears.
  TextWriter names;
  node.write(names);
  TextWriter writer(names.said_names());
  node.write(writer);
  return writer.result();
}

}  // namespace maskwise::detail
