// Reads the text form of a mask by recursive descent.
#ifndef MASKWISE_MASK_MASK_PARSER_H_
#define MASKWISE_MASK_MASK_PARSER_H_

#include <string_view>
#include <vector>

#include "mask/combine.h"
#include "mask/text_lexer.h"
#include "mask/word_table.h"
#include "maskwise/mask.h"
#include "maskwise/tensor.h"

namespace maskwise::detail {

// expression := both { "|" both }
// both       := unary { "&" unary }
// unary      := "~" unary | "(" expression ")" | word
// word       := NAME [ "(" [ argument { "," argument } ] ")" ]
// argument   := [ NAME "=" ] ( INTEGER | list | NAME ) | expression
// list       := "[" [ INTEGER { "," INTEGER } ] "]"
class MaskParser {
 public:
  MaskParser(std::string_view text, const TensorMap& tensors)
      : lexer_(text), tensors_(tensors) {}

  // The whole text. Throws Error.
  Mask parse();

 private:
  Mask expression();
  Mask both();
  Mask chain(Operator op, char symbol, Mask (MaskParser::*operand)());
  Mask unary();
  Mask nested();
  Mask word();
  Mask word_of_masks(const WordRule& rule, const Token& name);
  const WordRule& find_rule(const Token& name);
  Arguments arguments(const WordRule& rule);
  void expect_argument(const WordRule& rule, std::string_view otherwise);
  void argument(const WordRule& rule, Arguments& into);
  const Parameter& named_parameter(const WordRule& rule, const Token& name);
  Argument value(const WordRule& rule, const Parameter& parameter);
  Argument name_value(const Parameter& parameter, const Token& token);
  PerBatch list();
  void enter(const Token& token);
  void leave() { --depth_; }
  void expect(char symbol, std::string_view after);

  Lexer lexer_;
  const TensorMap& tensors_;
  int depth_ = 0;  // of parentheses and "~"
};

}  // namespace maskwise::detail

#endif  // MASKWISE_MASK_MASK_PARSER_H_
