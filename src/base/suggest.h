// The nearest known word to a misspelt one, for error messages.
#ifndef MASKWISE_BASE_SUGGEST_H_
#define MASKWISE_BASE_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace maskwise::detail {

// "; did you mean 'causal'?" when some known word is at most two edits (or a
// third of the word) away, else "". The distance is Levenshtein's.
std::string did_you_mean(std::string_view found,
                         const std::vector<std::string_view>& known);

// "a, b, c".
std::string join_words(const std::vector<std::string_view>& words);

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_SUGGEST_H_
