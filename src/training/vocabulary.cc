#include "maskwise/nn/vocabulary.h"

#include <algorithm>
#include <utility>

#include "base/fail.h"
#include "base/printable.h"
#include "maskwise/io.h"
#include "training/json_file.h"
#include "training/utf8.h"

namespace maskwise::nn {
namespace {

using maskwise::detail::fail;
using maskwise::detail::printable;

constexpr std::string_view kOperation = "vocabulary";
constexpr std::string_view kFormat = "maskwise vocabulary 1";
constexpr std::string_view kSplits[] = {"characters", "blanks"};

Split split_of(const detail::JsonFile& file) {
  const std::string name = file.text("split");
  const auto* found = std::ranges::find(kSplits, name);
  if (found == std::end(kSplits)) {
    file.refuse("split is '" + printable(name) +
                "'; expected characters or blanks");
  }
  return static_cast<Split>(found - kSplits);
}

}  // namespace

Vocabulary::Vocabulary(Split split, std::vector<std::string> symbols)
    : split_(split), symbols_{"<pad>", "<begin>", "<end>", "<unknown>"} {
  for (std::string& symbol : symbols) {
    if (symbol.empty() || detail::first_bad_byte(symbol)) {
      fail(ErrorCode::invalid_argument, kOperation,
           "symbol {}, '{}', is {}; expected text in UTF-8",
           std::ssize(symbols_) - kFirstSymbol, printable(symbol),
           symbol.empty() ? "empty" : "not UTF-8");
    }
    if (!ids_.emplace(symbol, size()).second) {
      fail(ErrorCode::invalid_argument, kOperation,
           "symbol {}, '{}', comes twice; expected each once",
           std::ssize(symbols_) - kFirstSymbol, printable(symbol));
    }
    symbols_.push_back(std::move(symbol));
  }
}

Vocabulary Vocabulary::from_texts(const std::vector<std::string>& texts,
                                  const VocabularyOptions& options) {
  if (options.most.value_or(0) < 0 || options.least_count < 1) {
    fail(ErrorCode::invalid_argument, kOperation,
         "most is {} and least_count {}; expected at least 0 and 1",
         options.most.value_or(0), options.least_count);
  }
  const Split split = options.split.value_or(split_for(texts));
  std::map<std::string, int64_t> counts;
  for (const std::string& text : texts) {
    for (std::string& symbol : split_text(text, split)) {
      ++counts[std::move(symbol)];
    }
  }
  std::erase_if(counts, [&](const auto& one) {
    return one.second < options.least_count;
  });
  // The map is in the order of the bytes, which a stable sort keeps.
  std::vector<std::pair<std::string, int64_t>> order(counts.begin(),
                                                     counts.end());
  std::ranges::stable_sort(order, std::greater{},
                           [](const auto& one) { return one.second; });
  if (options.most && *options.most < std::ssize(order)) {
    order.resize(static_cast<size_t>(*options.most));
  }
  std::vector<std::string> symbols;
  for (auto& [symbol, count] : order) symbols.push_back(std::move(symbol));
  return Vocabulary(split, std::move(symbols));
}

int64_t Vocabulary::size() const { return std::ssize(symbols_); }

int64_t Vocabulary::id_of(std::string_view symbol) const {
  const auto found = ids_.find(symbol);
  return found == ids_.end() ? kUnknown : found->second;
}

const std::string& Vocabulary::symbol_of(int64_t id) const {
  if (id < 0 || id >= size()) {
    fail(ErrorCode::invalid_argument, kOperation,
         "there is no id {}; expected 0 to {}", id, size() - 1);
  }
  return symbols_[static_cast<size_t>(id)];
}

std::vector<int64_t> Vocabulary::encode(std::string_view text) const {
  std::vector<int64_t> ids;
  for (const std::string& symbol : split_text(text, split_)) {
    ids.push_back(id_of(symbol));
  }
  return ids;
}

std::string Vocabulary::decode(const std::vector<int64_t>& ids) const {
  std::vector<std::string> symbols;
  for (const int64_t id : ids) {
    if (id == kEnd) break;
    const std::string& symbol = symbol_of(id);
    if (id != kPad && id != kBegin) symbols.push_back(symbol);
  }
  return join_symbols(symbols, split_);
}

void Vocabulary::save(const std::string& path) const {
  const std::vector<std::string> symbols(symbols_.begin() + kFirstSymbol,
                                         symbols_.end());
  const detail::Json json = {{"format", kFormat},
                             {"split", kSplits[static_cast<size_t>(split_)]},
                             {"symbols", symbols}};
  save_text(path, json.dump(1) + "\n");
}

Vocabulary Vocabulary::load(const std::string& path) {
  const detail::JsonFile file(kOperation, path);
  file.check_format(kFormat);
  const Split split = split_of(file);
  std::vector<std::string> symbols = file.texts("symbols");
  try {
    return Vocabulary(split, std::move(symbols));
  } catch (const Error& error) {
    const std::string what = error.what();
    file.refuse(what.substr(what.find(' ') + 1));
  }
}

}  // namespace maskwise::nn
