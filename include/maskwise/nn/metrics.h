// How good answers are.
#ifndef MASKWISE_NN_METRICS_H_
#define MASKWISE_NN_METRICS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "maskwise/nn/vocabulary.h"

namespace maskwise::nn {

// Of n answers beside what was expected, in order.
struct ErrorRates {
  int64_t n = 0;
  int64_t wrong = 0;    // answers that are not what was expected
  int64_t edits = 0;    // symbols to insert, delete or replace (Levenshtein)
  int64_t symbols = 0;  // that were expected

  // In percent; 0 where nothing was expected.
  double word_error_rate() const;    // wrong / n
  double symbol_error_rate() const;  // edits / symbols
  double accuracy() const;           // 1 - wrong / n
};

// Symbols are what stands between spaces, or characters. Throws Error when
// there are not as many answers as expected.
ErrorRates error_rates(const std::vector<std::string>& expected,
                       const std::vector<std::string>& answers,
                       Split split = Split::blanks);

}  // namespace maskwise::nn

#endif  // MASKWISE_NN_METRICS_H_
