// The sizes of the tables of cases, no multiple of anything.
#ifndef MASKWISE_TESTS_SUPPORT_CASE_SIZES_H_
#define MASKWISE_TESTS_SUPPORT_CASE_SIZES_H_

#include <cstdint>
#include <string>

namespace maskwise::testing {

struct Lengths {
  int64_t q = 0;
  int64_t k = 0;
};

inline constexpr Lengths kLengths[] = {{1, 1},     {1, 239},   {3, 799},
                                       {127, 512}, {113, 203}, {108, 256},
                                       {63, 63},   {64, 64},   {65, 65}};
inline constexpr int64_t kDims[] = {1, 8, 40, 59, 64, 80, 111, 128, 256};

inline std::string title(const Lengths& lengths, int64_t dim) {
  return std::to_string(lengths.q) + "x" + std::to_string(lengths.k) +
         " D=" + std::to_string(dim);
}

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_CASE_SIZES_H_
