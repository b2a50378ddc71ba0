// The modes of the processor's floating-point arithmetic, set by hand.
#ifndef MASKWISE_TESTS_SUPPORT_MXCSR_H_
#define MASKWISE_TESTS_SUPPORT_MXCSR_H_

#include <cfenv>
#include <cstdint>

namespace maskwise::testing {

// The bits of MXCSR that glibc's fenv_t shows (Intel SDM vol. 1, 10.2.3).
inline constexpr uint32_t kDefault = 0x1F80;
inline constexpr uint32_t kFlushToZero = 0x8000;
inline constexpr uint32_t kDenormalsAreZero = 0x0040;
inline constexpr uint32_t kRoundDown = 0x2000;
inline constexpr uint32_t kRoundUp = 0x4000;
inline constexpr uint32_t kDivideFlag = 0x0004;
inline constexpr uint32_t kInexactFlag = 0x0020;
inline constexpr uint32_t kInvalidTrap = 0x0080;  // set: masked
inline constexpr uint32_t kAllTraps = 0x1F80;     // set: masked

inline uint32_t mxcsr() {
  std::fenv_t environment;
  std::fegetenv(&environment);
  return environment.__mxcsr;
}

inline void set_mxcsr(uint32_t bits) {
  std::fenv_t environment;
  std::fegetenv(&environment);
  environment.__mxcsr = bits;
  std::fesetenv(&environment);
}

// Calls `body` under the given MXCSR and says what it was afterwards.
template <typename Body>
uint32_t under_mxcsr(uint32_t bits, Body body) {
  const uint32_t before = mxcsr();
  set_mxcsr(bits);
  body();
  const uint32_t after = mxcsr();
  set_mxcsr(before);
  return after;
}

inline constexpr uint32_t kOddModes[] = {
    kDefault | kFlushToZero | kDenormalsAreZero | kDivideFlag,
    kDefault | kRoundUp, kDefault | kRoundDown | kFlushToZero,
    kDefault & ~kAllTraps};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_SUPPORT_MXCSR_H_
