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
class FpEnvironment {
 public:
  FpEnvironment() { set_default(); }
  ~FpEnvironment() { set(saved_); }
  FpEnvironment(const FpEnvironment&) = delete;
  FpEnvironment& operator=(const FpEnvironment&) = delete;

 private:
#if defined(__x86_64__)
  // MXCSR, of the SSE unit, which does all arithmetic on f32 and f64: to take
  // the mode of the x87 along costs a third of a small call.
  using Mode = unsigned;
  static Mode get() { return __builtin_ia32_stmxcsr(); }
  static void set(const Mode& mode) { __builtin_ia32_ldmxcsr(mode); }
  static void set_default() { set(0x1F80); }
#else
  using Mode = std::fenv_t;
  static Mode get() {
    Mode mode;
    std::fegetenv(&mode);
    return mode;
  }
  static void set(const Mode& mode) { std::fesetenv(&mode); }
  static void set_default() { std::fesetenv(FE_DFL_ENV); }
#endif

  const Mode saved_ = get();
};

}  // namespace maskwise::detail

#endif  // MASKWISE_BASE_FP_ENVIRONMENT_H_
