// Sentences of a text file as a padded batch of tokens.
#ifndef MASKWISE_CLI_TEXT_INPUT_H_
#define MASKWISE_CLI_TEXT_INPUT_H_

#include <string>
#include <string_view>
#include <vector>

#include "maskwise/maskwise.h"

namespace maskwise::cli {

inline constexpr std::string_view kPadToken = "<pad>";

// Tokens are numbered from 1 in the order of their first appearance. <pad> is
// 0: it fills up the shorter sentences, and may stand in the text.
struct TokenBatch {
  Tensor ids;                                    // [B, L] i64
  std::vector<std::vector<std::string>> tokens;  // [B][L]
};

// One sentence a line, its tokens between blanks; blank lines are skipped.
// Throws Error that names the file when it cannot be read, holds no token, is
// no UTF-8 or makes too large a batch.
TokenBatch load_sentences(const std::string& path);

}  // namespace maskwise::cli

#endif  // MASKWISE_CLI_TEXT_INPUT_H_
