#include "training/text_answers.h"

#include <algorithm>
#include <numeric>

#include "base/fail.h"
#include "base/printable.h"

namespace maskwise::nn::detail {

using maskwise::detail::fail;

void check_length(std::string_view operation, std::string_view text,
                  int64_t symbols, int64_t most) {
  if (symbols >= 1 && symbols <= most) return;
  fail(symbols < 1 ? ErrorCode::invalid_argument : ErrorCode::limit, operation,
       "'{}' has {} symbols; expected from 1 to {}, the model's max_length",
       maskwise::detail::printable(text), symbols, most);
}

void check_known(std::string_view operation, std::string_view text,
                 const Vocabulary& vocabulary) {
  const std::vector<std::string> unknown = unknown_symbols(text, vocabulary);
  if (unknown.empty()) return;
  using maskwise::detail::printable;
  fail(ErrorCode::invalid_argument, operation,
       "'{}' holds '{}', which is none of the {} symbols that the model was "
       "trained with",
       printable(text), printable(unknown.front()),
       vocabulary.size() - Vocabulary::kFirstSymbol);
}

std::vector<std::string> unknown_symbols(std::string_view text,
                                         const Vocabulary& vocabulary) {
  std::vector<std::string> symbols = split_text(text, vocabulary.split());
  std::erase_if(symbols, [&](const std::string& symbol) {
    return vocabulary.id_of(symbol) != Vocabulary::kUnknown;
  });
  return symbols;
}

TextIds ids_of(std::string_view operation, const std::string& text,
               const Vocabulary& vocabulary, const TextLimits& limits) {
  TextIds ids = vocabulary.encode(text);
  check_length(operation, text, std::ssize(ids), limits.max_length);
  if (limits.unknown == UnknownSymbols::refuse) {
    check_known(operation, text, vocabulary);
  }
  return ids;
}

std::vector<std::string> answers_by_length(
    const std::vector<std::string>& texts, int64_t most_texts,
    const std::function<TextIds(const std::string&)>& encode,
    const std::function<std::vector<std::string>(const std::vector<TextIds>&)>&
        answer) {
  if (most_texts < 1) {
    fail(ErrorCode::invalid_argument, "predict",
         "{} texts at a time; expected at least 1", most_texts);
  }
  std::vector<TextIds> ids;
  for (const std::string& text : texts) ids.push_back(encode(text));
  std::vector<size_t> order(texts.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return ids[i].size(); });
  std::vector<std::string> answers(texts.size());
  const auto most = static_cast<size_t>(most_texts);
  for (size_t first = 0; first < order.size(); first += most) {
    const size_t last = std::min(order.size(), first + most);
    std::vector<TextIds> batch;
    for (size_t i = first; i < last; ++i) batch.push_back(ids[order[i]]);
    std::vector<std::string> found = answer(batch);
    for (size_t i = first; i < last; ++i) {
      answers[order[i]] = std::move(found[i - first]);
    }
  }
  return answers;
}

}  // namespace maskwise::nn::detail
