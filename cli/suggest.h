// The nearest known command or flag to a misspelt one.
#ifndef MASKWISE_CLI_SUGGEST_H_
#define MASKWISE_CLI_SUGGEST_H_

#include <string>
#include <string_view>
#include <vector>

namespace maskwise::cli {

// "; did you mean '--mask'?" when some known word is at most two edits away,
// else "".
std::string did_you_mean(std::string_view found,
                         const std::vector<std::string>& known);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_SUGGEST_H_
