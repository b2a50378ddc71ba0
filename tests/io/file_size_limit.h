// Makes writes fail as on a full disk, for tests of what is left behind.
#ifndef MASKWISE_TESTS_IO_FILE_SIZE_LIMIT_H_
#define MASKWISE_TESTS_IO_FILE_SIZE_LIMIT_H_

#include <sys/resource.h>

#include <csignal>

namespace maskwise::testing {

// While it lives no file of this process may grow beyond `bytes`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

}  // namespace maskwise::testing

#endif  // MASKWISE_TESTS_IO_FILE_SIZE_LIMIT_H_
