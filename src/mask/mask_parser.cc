#include "mask/mask_parser.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/format.h"
#include "base/suggest.h"
#include "mask/node.h"
#include "mask/word_hints.h"

namespace maskwise::detail {
namespace {

bool is_word(std::string_view name) {
  return std::ranges::count(word_rules(), name, &WordRule::name) > 0;
}

std::vector<std::string_view> parameters_of(const WordRule& rule) {
  std::vector<std::string_view> names;
  for (const Parameter& parameter : rule.parameters) {
    names.push_back(parameter.name);
  }
  return names;
}

std::string_view noun_of(ParameterKind kind) {
  switch (kind) {
    case ParameterKind::integer:
      return "a whole number";
    case ParameterKind::per_batch:
      return "a number, a list like [3,5] or the name of a tensor";
    case ParameterKind::tensor:
      return "the name of a tensor";
    case ParameterKind::align:
      return "top_left or bottom_right";
  }
  return "";
}

// For a number where another argument was expected: "; did you mean offset=5?".
std::string name_hint(const WordRule& rule, const Token& token) {
  if (token.kind != TokenKind::integer) return "";
  for (const Parameter& parameter : rule.parameters) {
    const bool number = parameter.kind == ParameterKind::integer ||
                        parameter.kind == ParameterKind::per_batch;
    if (number && rule.parameters[0].need == Need::optional) {
      return formatted("; did you mean {}={}?", parameter.name, token.text);
    }
  }
  return "";
}

// What a word's own checks refuse, told with its column.
template <typename Make>
auto made_at(const Token& name, Make make) {
  try {
    return make();
  } catch (const Error& error) {
    constexpr std::string_view kPrefix = "[mask] ";
    std::string text = error.what();
    if (text.starts_with(kPrefix)) text.erase(0, kPrefix.size());
    throw Error(error.code(),
                formatted("[mask] column {}: {}", name.column, text));
  }
}

}  // namespace

Mask MaskParser::parse() {
  Mask mask = expression();
  const Token& rest = lexer_.peek();
  if (rest.kind != TokenKind::end) {
    fail_at(rest.column, "found {}; expected &, | or the end of the text{}",
            describe(rest), operator_hint(rest.text));
  }
  return mask;
}

Mask MaskParser::expression() {
  return chain(Operator::either, '|', &MaskParser::both);
}

Mask MaskParser::both() {
  return chain(Operator::both, '&', &MaskParser::unary);
}

Mask MaskParser::chain(Operator op, char symbol,
                       Mask (MaskParser::*operand)()) {
  std::vector<NodePtr> nodes = {(this->*operand)().shared_node()};
  while (lexer_.peek().is(symbol)) {
    const Token first = lexer_.next();
    if (lexer_.peek().is(symbol)) {
      const std::string found(2, symbol);
      fail_at(first.column, "found '{}'{}", found, operator_hint(found));
    }
    nodes.push_back((this->*operand)().shared_node());
  }
  return make_mask(combine(op, nodes));
}

Mask MaskParser::unary() {
  const Token& token = lexer_.peek();
  if (token.is('~')) {
    enter(lexer_.next());
    Mask mask = ~unary();
    leave();
    return mask;
  }
  if (token.is('(')) return nested();
  if (token.kind == TokenKind::name) return word();
  fail_at(token.column, "found {}; expected a mask word, ~ or (",
          describe(token));
}

Mask MaskParser::nested() {
  enter(lexer_.next());
  Mask mask = expression();
  expect(')', "the expression in parentheses");
  leave();
  return mask;
}

const WordRule& MaskParser::find_rule(const Token& name) {
  std::vector<std::string_view> known;
  for (const WordRule& rule : word_rules()) {
    if (rule.name == name.text) return rule;
    known.push_back(rule.name);
  }
  const auto tensor = tensors_.find(std::string(name.text));
  if (tensor != tensors_.end() && !lexer_.peek().is('(')) {
    fail_at(name.column, "{} is a tensor, no mask word; write {}",
            describe(name), tensor_words(name.text, tensor->second.dtype()));
  }
  if (const std::string hint = operator_hint(name.text); !hint.empty()) {
    fail_at(name.column, "found {}{}", describe(name), hint);
  }
  fail_at(name.column, "unknown mask word {}{}; the words are: {}",
          describe(name), word_hint(name.text, known), join_words(known));
}

Mask MaskParser::word() {
  const Token name = lexer_.next();
  const WordRule& rule = find_rule(name);
  if (rule.make_of_masks != nullptr) return word_of_masks(rule, name);
  const Arguments given = arguments(rule);
  for (const Parameter& parameter : rule.parameters) {
    if (parameter.need == Need::required && !given.has(parameter.name)) {
      fail_at(name.column, "{} needs {}, {}", rule.name, parameter.name,
              noun_of(parameter.kind));
    }
  }
  return made_at(name, [&] { return rule.make(given); });
}

Mask MaskParser::word_of_masks(const WordRule& rule, const Token& name) {
  std::vector<Mask> masks;
  if (lexer_.peek().is('(')) {
    enter(lexer_.next());
    if (!lexer_.peek().is(')')) masks.push_back(expression());
    while (lexer_.peek().is(',')) {
      lexer_.next();
      masks.push_back(expression());
    }
    expect(')', "the masks");
    leave();
  }
  return made_at(name, [&] { return rule.make_of_masks(masks); });
}

Arguments MaskParser::arguments(const WordRule& rule) {
  Arguments given;
  if (!lexer_.peek().is('(')) return given;
  lexer_.next();
  if (!lexer_.peek().is(')')) {
    expect_argument(rule, "')' or ");
    argument(rule, given);
    while (lexer_.peek().is(',')) {
      lexer_.next();
      expect_argument(rule, "");
      argument(rule, given);
    }
  }
  const Token close = lexer_.next();
  if (!close.is(')')) {
    fail_at(close.column, "found {}; expected ',' or ')' after an argument{}",
            describe(close), operator_hint(close.text));
  }
  return given;
}

// What may stand here instead of an argument is said in `otherwise`.
void MaskParser::expect_argument(const WordRule& rule,
                                 std::string_view otherwise) {
  const Token& token = lexer_.peek();
  const bool stray = token.is(',') || token.is(')');
  if (!stray && token.kind != TokenKind::end) return;
  fail_at(token.column, "found {}; expected {}an argument of {}{}{}",
          describe(token), otherwise, rule.name,
          rule.parameters.empty() ? ", which takes none"
                                  : ": " + join_words(parameters_of(rule)),
          stray ? "; there is a comma too many" : "");
}

void MaskParser::argument(const WordRule& rule, Arguments& into) {
  const Token first = lexer_.peek();
  if (rule.parameters.empty()) {
    fail_at(first.column, "found {}; {} takes no argument", describe(first),
            rule.name);
  }
  const Parameter* parameter = rule.parameters.data();
  if (first.kind == TokenKind::name) {
    // A name is a parameter when "=" follows, else the first one's value.
    const Lexer before = lexer_;
    lexer_.next();
    if (lexer_.peek().is('=')) {
      lexer_.next();
      parameter = &named_parameter(rule, first);
    } else {
      lexer_ = before;
    }
  }
  const bool positional = lexer_.peek().column == first.column;
  if (positional && !into.empty()) {
    fail_at(first.column,
            "found {}; only the first argument of {} may go without its name",
            describe(first), rule.name);
  }
  if (into.has(parameter->name)) {
    fail_at(first.column, "{} is given twice", parameter->name);
  }
  into.set(parameter->name, value(rule, *parameter));
}

const Parameter& MaskParser::named_parameter(const WordRule& rule,
                                             const Token& name) {
  for (const Parameter& parameter : rule.parameters) {
    if (parameter.name == name.text) return parameter;
  }
  const std::vector<std::string_view> known = parameters_of(rule);
  fail_at(name.column, "{} has no argument {}{}; it takes: {}", rule.name,
          describe(name), did_you_mean(name.text, known), join_words(known));
}

Argument MaskParser::value(const WordRule& rule, const Parameter& parameter) {
  const Token token = lexer_.peek();
  const bool per_batch = parameter.kind == ParameterKind::per_batch;
  if (token.kind == TokenKind::integer &&
      (per_batch || parameter.kind == ParameterKind::integer)) {
    lexer_.next();
    if (per_batch) return PerBatch(token.value);
    return token.value;
  }
  if (token.is('[') && per_batch) return list();
  if (token.kind == TokenKind::name &&
      parameter.kind != ParameterKind::integer) {
    lexer_.next();
    return name_value(parameter, token);
  }
  fail_at(token.column, "found {}; expected {} for {} of {}{}", describe(token),
          noun_of(parameter.kind), parameter.name, rule.name,
          name_hint(rule, token));
}

Argument MaskParser::name_value(const Parameter& parameter,
                                const Token& token) {
  if (parameter.kind == ParameterKind::align) {
    if (token.text == "top_left") return Align::top_left;
    if (token.text == "bottom_right") return Align::bottom_right;
    fail_at(token.column, "unknown align {}{}; expected {}", describe(token),
            align_hint(token.text), noun_of(parameter.kind));
  }
  const auto found = tensors_.find(std::string(token.text));
  if (found == tensors_.end()) {
    std::vector<std::string_view> known;
    for (const auto& entry : tensors_) known.push_back(entry.first);
    fail_at(token.column, "no tensor {} is given{}; {}", describe(token),
            is_word(token.text) ? formatted("; {} is a mask word", token.text)
                                : did_you_mean(token.text, known),
            known.empty() ? "there is none"
                          : "the tensors are: " + join_words(known));
  }
  const MaskTensor tensor(found->first, found->second);
  if (parameter.kind == ParameterKind::tensor) return tensor;
  return made_at(token, [&] { return PerBatch(tensor); });
}

PerBatch MaskParser::list() {
  std::vector<int64_t> values;
  lexer_.next();
  while (!lexer_.peek().is(']')) {
    if (!values.empty() && !lexer_.peek().is(',')) {
      fail_at(lexer_.peek().column,
              "found {}; expected ',' or ']' after a number of the list",
              describe(lexer_.peek()));
    }
    if (!values.empty()) lexer_.next();
    const Token token = lexer_.next();
    if (token.kind != TokenKind::integer) {
      fail_at(token.column, "found {}; expected a whole number in the list",
              describe(token));
    }
    values.push_back(token.value);
  }
  lexer_.next();
  return PerBatch(std::move(values));
}

void MaskParser::enter(const Token& token) {
  if (++depth_ <= kMaxDepth) return;
  fail_at(token.column,
          "more than {} levels of parentheses and ~; expected "
          "at most {}",
          kMaxDepth, kMaxDepth);
}

void MaskParser::expect(char symbol, std::string_view after) {
  const Token token = lexer_.next();
  if (token.is(symbol)) return;
  fail_at(token.column, "found {}; expected '{}' after {}{}", describe(token),
          symbol, after, operator_hint(token.text));
}

}  // namespace maskwise::detail
