#include "base/fp_environment.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "tests/support/mxcsr.h"

namespace maskwise::detail {
namespace {

using testing::kDefault;
using testing::kDenormalsAreZero;
using testing::kFlushToZero;
using testing::kInexactFlag;
using testing::kInvalidTrap;
using testing::kRoundUp;
using testing::mxcsr;
using testing::set_mxcsr;

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
