// Texts, pairs of them to learn from, and the batches that they are learnt in.
#ifndef MASKWISE_NN_DATASET_H_
#define MASKWISE_NN_DATASET_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "maskwise/tensor.h"

namespace maskwise::nn {

struct TextPair {
  std::string source;
  std::string target;
};

// The pairs of a text file, one a line: a source, a tab, a target, in UTF-8.
// Lines may end in CR LF, and the file may begin with a byte order mark. Throws
// Error (io) that names the file, and the line where there is one: a file
// without a line; a line that is empty, has no tab or more than one, has a side
// of nothing but spaces, or is not UTF-8.
std::vector<TextPair> load_pairs(const std::string& path);

// The texts of such a file, one a line: what stands before the first tab, where
// there is one. Throws Error (io) as load_pairs() does, for texts that are
// nothing but spaces.
std::vector<std::string> load_texts(const std::string& path);

// 16 hexadecimal digits that are others when a pair is, but for those who make
// two lists alike on purpose.
std::string digest(const std::vector<TextPair>& pairs);

// One side of each pair, as in sides(pairs, &TextPair::source).
std::vector<std::string> sides(const std::vector<TextPair>& pairs,
                               std::string TextPair::*side);

// Ids of one example; target is 0 where there is none.
struct ExampleLength {
  int64_t source = 0;
  int64_t target = 0;
};

// At least one limit must be given; both hold.
struct BatchOptions {
  std::optional<int64_t> most_examples = {};  // >= 1
  // Of source and target together, padding included: a batch of n examples has
  // n (longest source + longest target). >= 1
  std::optional<int64_t> most_tokens = {};
  uint64_t seed = 0;
  int64_t epoch = 0;  // >= 0
};

// The numbers of the examples, each in one batch: examples of like lengths
// together, so that padding is little, with chance deciding between equals, and
// the batches in an order of chance. The same for the same lengths, seed and
// epoch on every machine; another for each epoch. Throws Error when a length is
// negative, an option is outside its range, or an example alone has more tokens
// than a batch may.
std::vector<std::vector<int64_t>> batches(
    const std::vector<ExampleLength>& lengths, const BatchOptions& options);

// Lists of ids as [B, L], i64, L the longest; what is shorter is padded at its
// end with Vocabulary::kPad.
Tensor padded_ids(const std::vector<std::vector<int64_t>>& ids);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_DATASET_H_
