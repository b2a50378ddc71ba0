// The floating-point environment that the row contract is defined under.
#ifndef MASKWISE_BASE_FP_ENVIRONMENT_H_
#define MASKWISE_BASE_FP_ENVIRONMENT_H_

#include <cfenv>

namespace maskwise::detail {

// While it lives, this thread rounds to nearest even, keeps denormals and
// traps nothing (on x86-64: MXCSR = 0x1F80). The destructor puts back what
// was there, flags included, so a caller's flush-to-zero mode neither changes
// our bits nor is lost.
class FpEnvironment {
 public:
  FpEnvironment() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);
  }
  ~FpEnvironment() { std::fesetenv(&saved_); }
  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_FP_ENVIRONMENT_H_
