#include "base/fp_environment.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace maskwise::detail {
namespace {

// The bits of MXCSR that glibc's fenv_t shows (Intel SDM vol. 1, 10.2.3).
constexpr uint32_t kDefault = 0x1F80;
constexpr uint32_t kFlushToZero = 0x8000;
constexpr uint32_t kDenormalsAreZero = 0x0040;
constexpr uint32_t kRoundUp = 0x4000;
constexpr uint32_t kInexactFlag = 0x0020;
constexpr uint32_t kInvalidTrap = 0x0080;  // set: masked

uint32_t mxcsr() {
  std::fenv_t environment;
  std::fegetenv(&environment);
  return environment.__mxcsr;
}

void set_mxcsr(uint32_t bits) {
  std::fenv_t environment;
  std::fegetenv(&environment);
  environment.__mxcsr = bits;
  std::fesetenv(&environment);
}

// Puts the environment of the test back, whatever happens in it.
class FpEnvironmentTest : public ::testing::Test {
 protected:
  void SetUp() override { before_ = mxcsr(); }
  void TearDown() override { set_mxcsr(before_); }

 private:
  uint32_t before_ = 0;
};

TEST_F(FpEnvironmentTest, WhileItLivesTheEnvironmentIsTheDefaultOne) {
  for (const uint32_t odd :
       {kFlushToZero, kDenormalsAreZero, kRoundUp, kInexactFlag}) {
    set_mxcsr(kDefault | odd);
    const FpEnvironment environment;
    EXPECT_EQ(mxcsr(), kDefault) << std::hex << odd;
  }
}

TEST_F(FpEnvironmentTest, TheCallersModesAndFlagsComeBack) {
  const uint32_t odd =
      kDefault | kFlushToZero | kDenormalsAreZero | kRoundUp | kInexactFlag;
  set_mxcsr(odd);
  { const FpEnvironment environment; }
  EXPECT_EQ(mxcsr(), odd);
}

TEST_F(FpEnvironmentTest, FlagsRaisedInsideDoNotReachTheCaller) {
  set_mxcsr(kDefault);
  volatile float zero = 0;
  {
    const FpEnvironment environment;
    const volatile float quotient = 1 / zero;
    (void)quotient;
    EXPECT_TRUE(std::fetestexcept(FE_DIVBYZERO));
  }
  EXPECT_FALSE(std::fetestexcept(FE_DIVBYZERO));
}

TEST_F(FpEnvironmentTest, TrapsOfTheCallerDoNotFireInside) {
  volatile float zero = 0;
  set_mxcsr(kDefault & ~kInvalidTrap);
  {
    const FpEnvironment environment;
    const volatile float nan = zero / zero;  // SIGFPE if the trap were live
    (void)nan;
  }
  EXPECT_EQ(mxcsr(), kDefault & ~kInvalidTrap);
}

TEST_F(FpEnvironmentTest, DenormalsSurviveUnderACallerWhoFlushesThem) {
  set_mxcsr(kDefault | kFlushToZero | kDenormalsAreZero);
  volatile float tiny = std::numeric_limits<float>::min();
  volatile float half = 0;
  {
    const FpEnvironment environment;
    half = tiny * 0.5f;
  }
  set_mxcsr(kDefault);
  EXPECT_EQ(half, 0x1p-127f);
}

}  // namespace
}  // namespace maskwise::detail
