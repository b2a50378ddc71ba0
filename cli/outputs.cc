#include "outputs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <system_error>

#include "maskwise/maskwise.h"
#include "report.h"

namespace maskwise::cli {
namespace {

namespace fs = std::filesystem;

// What a path is before it is written. A regular file is kept under a second
// name beside it, which costs no copy; what else there may be (a device, a
// file system without hard links) stays as it was written.
class FormerFile {
 public:
  explicit FormerFile(const std::string& path) : path_(path) {
    std::error_code error;
    const fs::path file = fs::canonical(path, error);  // links followed
    was_there_ = !error;
    if (!was_there_ || !fs::is_regular_file(file, error)) return;
    fs::path kept =
        file.parent_path() / fmt::format(".maskwise-{}-kept.tmp", ::getpid());
    fs::create_hard_link(file, kept, error);
    if (!error) kept_ = std::move(kept);
  }
  ~FormerFile() {
    std::error_code error;
    if (!kept_.empty()) fs::remove(kept_, error);
  }
  FormerFile(const FormerFile&) = delete;
  FormerFile& operator=(const FormerFile&) = delete;

  void put_back() const {
    std::error_code error;
    const fs::path file = fs::canonical(path_, error);
    if (error) return;
    if (!kept_.empty()) fs::rename(kept_, file, error);
    if (!was_there_) fs::remove(file, error);
  }

 private:
  fs::path path_;
  fs::path kept_;  // empty: there is no second name
  bool was_there_ = false;
};

}  // namespace

void require_other_file(const std::string& output, const std::string& input) {
  std::error_code error;  // the one that is missing is no other's business
  if (!fs::equivalent(output, input, error)) return;
  throw Error(
      ErrorCode::invalid_argument,
      fmt::format("[output] the output '{}' is the input; choose another name",
                  output));
}

void save_and_print(const std::string& path, const std::function<void()>& save,
                    const std::string& report) {
  // A reader of the report that is gone must not end us half done.
  std::signal(SIGPIPE, SIG_IGN);
  const FormerFile former(path);
  save();
  try {
    print(report);
  } catch (const Error&) {
    former.put_back();
    throw;
  }
}

}  // namespace maskwise::cli
