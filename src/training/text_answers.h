// Texts that a model is asked for, a batch at a time.
#ifndef MASKWISE_TRAINING_TEXT_ANSWERS_H_
#define MASKWISE_TRAINING_TEXT_ANSWERS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "maskwise/nn/text_model.h"
#include "maskwise/nn/vocabulary.h"

namespace maskwise::nn::detail {

// Throws Error that shows the text unless it has from 1 to `most` symbols.
void check_length(std::string_view operation, std::string_view text,
                  int64_t symbols, int64_t most);

// Throws Error that names the first symbol of the text that has no id.
void check_known(std::string_view operation, std::string_view text,
                 const Vocabulary& vocabulary);

// The symbols of the text that have no id, in order.
std::vector<std::string> unknown_symbols(std::string_view text,
                                         const Vocabulary& vocabulary);

using TextIds = std::vector<int64_t>;

// What a text may be.
struct TextLimits {
  int64_t max_length = 0;
  UnknownSymbols unknown = UnknownSymbols::read;
};

// The ids of a text, once it has passed both checks.
TextIds ids_of(std::string_view operation, const std::string& text,
               const Vocabulary& vocabulary, const TextLimits& limits);

// The answers to texts, in order. Texts are encoded first, all of them; those
// of like length are then answered together, at most `most_texts` of them.
std::vector<std::string> answers_by_length(
    const std::vector<std::string>& texts, int64_t most_texts,
    const std::function<TextIds(const std::string&)>& encode,
    const std::function<std::vector<std::string>(const std::vector<TextIds>&)>&
        answer);

}  // namespace maskwise::nn::detail

#endif  // MASKWISE_TRAINING_TEXT_ANSWERS_H_
