// For tests of what is forbidden, and for tests that go near a device: as root
// a mistake in the code under test could replace /dev/null by a file.
#ifndef MASKWISE_TESTS_IO_UNPRIVILEGED_H_
#define MASKWISE_TESTS_IO_UNPRIVILEGED_H_

#include <unistd.h>

#include <cstdlib>

namespace maskwise::testing {

// While it lives this process acts as nobody, should it be root's.
class Unprivileged {
 public:
  Unprivileged() {
    constexpr uid_t kNobody = 65534;
    if (before_ == 0 && ::seteuid(kNobody) != 0) std::abort();
  }
  ~Unprivileged() {
    if (::seteuid(before_) != 0) std::abort();
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  uid_t before_ = ::geteuid();
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_IO_UNPRIVILEGED_H_
