// What is put where it must not be seen.
#ifndef MASKWISE_TESTS_SUPPORT_POISON_H_
#define MASKWISE_TESTS_SUPPORT_POISON_H_

#include <bit>
#include <cstdint>

namespace maskwise::testing {

struct Poison {
  const char* name;
  uint32_t bits;

  float value() const { return std::bit_cast<float>(bits); }
};

inline constexpr Poison kPoisons[] = {
    {"quiet NaN", 0x7FC00000}, {"signalling NaN", 0x7F800001},
    {"Inf", 0x7F800000},       {"-Inf", 0xFF800000},
    {"1e30", 0x7149F2CA},      {"a denormal", 0x00000001}};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_POISON_H_
