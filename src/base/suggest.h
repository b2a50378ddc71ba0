// The nearest known word to a misspelt one, for error messages.
#ifndef MASKWISE_BASE_SUGGEST_H_
#define MASKWISE_BASE_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace maskwise::detail {

// "; did you mean 'causal'?" when some known word is at most two edits (or a
// third of the word; one edit of a word of three letters) away, else "". An
// edit inserts, deletes or replaces a letter or swaps two; the case of letters
// does not count.
std::string did_you_mean(std::string_view found,
                         const std::vector<std::string_view>& known);

// The letters A to Z as a to z.
std::string lower_case(std::string_view text);

// "a, b, c".
std::string join_words(const std::vector<std::string_view>& words);

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_SUGGEST_H_
