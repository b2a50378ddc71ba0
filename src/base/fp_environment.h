// The floating-point environment that the row contract is defined under.
#ifndef MASKWISE_BASE_FP_ENVIRONMENT_H_
#define MASKWISE_BASE_FP_ENVIRONMENT_H_

#if !defined(__x86_64__)
#include <cfenv>
#endif

namespace maskwise::detail {

// While it lives, this thread rounds to nearest even, keeps denormals and
// traps nothing. The destructor puts back what was there, flags included, so a
// caller's flush-to-zero mode neither changes our bits nor is lost.
#if defined(__x86_64__)
// That of the SSE unit alone, which does all arithmetic on f32 and f64: to take
// that of the x87 along costs a third of a small call.
class FpEnvironment {
 public:
  FpEnvironment() { __builtin_ia32_ldmxcsr(kDefault); }
  ~FpEnvironment() { __builtin_ia32_ldmxcsr(saved_); }
  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

 private:
  static constexpr unsigned kDefault = 0x1F80;  // of MXCSR
  const unsigned saved_ = __builtin_ia32_stmxcsr();
};
#else
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
#endif

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_FP_ENVIRONMENT_H_
