// Tokens as they stand at the edge of a drawing: nothing invisible in them,
// measured in terminal columns, and shortened.
#ifndef MASKWISE_INSPECT_TOKEN_LABEL_H_
#define MASKWISE_INSPECT_TOKEN_LABEL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/bound_mask.h"
#include "maskwise/inspect.h"

namespace maskwise::detail {

// What is read as one character: a code point and the marks that join it.
struct Glyph {
  std::string bytes;
  int64_t columns = 1;
};

// A piece of text that knows its width.
class Label {
 public:
  Label() = default;

  // `text` on one line and visible: control and format characters and bytes
  // that are no UTF-8 become escapes, as in "\n" and "\u202e"; the joiner that
  // makes one picture of several emoji stays. Charset::ascii escapes all that
  // is not ASCII.
  Label(std::string_view text, Charset charset);

  // The characters that fit in `most` columns.
  Label first(int64_t most) const;

  // At most `most` columns; what is cut off at the end is an ellipsis.
  Label shortened(int64_t most) const;

  bool empty() const { return glyphs_.empty(); }
  int64_t columns() const;
  const std::vector<Glyph>& glyphs() const { return glyphs_; }
  std::string text() const;

  // The text with blanks up to `columns`.
  std::string at_left(int64_t columns) const;
  std::string at_right(int64_t columns) const;

 private:
  // Adds what belongs to the emoji before it, if `rest` begins with such.
  bool take_joined(std::string_view& rest);

  Charset charset_ = Charset::unicode;
  std::vector<Glyph> glyphs_;
};

// `count` blanks; none when it is negative.
std::string blanks(int64_t count);

// A token as a Label, its blanks visible, too; "" is shown as quotes.
Label token_label(std::string_view token, Charset charset);

// Whether the token is shown as it is, and not by escapes.
bool can_show(std::string_view token, Charset charset);

// Labels of one side: [B][L], empty, or empty for some batch items.
using LabelLists = std::vector<std::vector<std::string>>;

// Whether batch item b has labels.
bool has_labels(const LabelLists& lists, int64_t b);

// The label of token i of batch item b, "" when there is none.
std::string_view label_at(const LabelLists& lists, int64_t b, int64_t i);

// Throws Error unless every list is as long as its axis.
void check_labels(const TokenLabels& labels, const AttentionShape& shape);

}  // namespace maskwise::detail

#endif  // MASKWISE_INSPECT_TOKEN_LABEL_H_
