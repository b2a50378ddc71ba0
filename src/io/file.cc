// The system calls behind file.h, and the text files of io.h.
#include "io/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/fail.h"
#include "base/format.h"
#include "base/printable.h"
#include "maskwise/io.h"

namespace maskwise {
namespace detail {
namespace {

// What somebody who reads the message can do about the error.
std::string_view advice(int error) {
  switch (error) {
    case ENOENT:
      return "; check the path";
    case EACCES:
    case EPERM:
      return "; check the permissions";
    case ENOSPC:
    case EDQUOT:
      return "; free some space or write elsewhere";
    default:
      return "";
  }
}

[[noreturn]] void fail_with_errno(std::string_view action,
                                  std::string_view shown) {
  const int error = errno;
  fail(ErrorCode::io, "file", "cannot {} '{}': {}{}", action, shown,
       std::generic_category().message(error), advice(error));
}

// The path as messages show it. Refuses what the system could not see whole.
std::string show_path(const std::string& path) {
  std::string shown = printable(path, kLongestShownPath);
  if (path.empty()) {
    fail(ErrorCode::io, "file", "the file name is empty; expected a path");
  }
  if (path.find('\0') != std::string::npos) {
    fail(ErrorCode::io, "file", "the file name '{}' holds a null character",
         shown);
  }
  return shown;
}

[[noreturn]] void fail_directory(std::string_view shown) {
  fail(ErrorCode::io, "file", "'{}' is a directory; expected a file", shown);
}

// A name for what another process, or the caller's own output, has open: a
// rename over it would cut it off from the one who reads it.
bool is_open_elsewhere(std::string_view path) {
  return path.starts_with("/proc/") || path.starts_with("/dev/fd/");
}

// The path with the symbolic links at its end followed, so that saving to a
// link replaces what it points to, also where that does not exist yet.
std::string follow_links(const std::string& path) {
  constexpr int kMostLinks = 40;  // as Linux; a cycle is stat's to report
  std::filesystem::path followed = path;
  for (int i = 0; i < kMostLinks && !is_open_elsewhere(followed.native());
       ++i) {
    std::error_code error;
    const auto link = std::filesystem::read_symlink(followed, error);
    if (error) break;  // no link
    followed = followed.parent_path() / link;
  }
  return followed.native();
}

}  // namespace

Descriptor::~Descriptor() { close(); }

void Descriptor::reset(int fd) {
  close();
  fd_ = fd;
}

bool Descriptor::close() {
  const int fd = std::exchange(fd_, -1);
  // Linux has closed it also when a signal interrupts.
  return fd < 0 || ::close(fd) == 0 || errno == EINTR;
}

InputFile::InputFile(const std::string& path, FileKind kind)
    : shown_(show_path(path)) {
  // Asked before opening, which would wait for the writer of a pipe.
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) fail_with_errno("open", shown_);
  if (S_ISDIR(status.st_mode)) fail_directory(shown_);
  if (kind == FileKind::regular && !S_ISREG(status.st_mode)) {
    fail(ErrorCode::io, "file",
         "'{}' is a pipe or a device; expected a regular file, whose size is "
         "known; copy it to one first",
         shown_);
  }
  descriptor_.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!descriptor_.is_open()) fail_with_errno("open", shown_);
  if (::fstat(descriptor_.get(), &status) != 0) {
    fail_with_errno("open", shown_);
  }
  size_ = status.st_size;
}

int64_t InputFile::read_up_to(void* out, int64_t bytes) {
  auto* next = static_cast<char*>(out);
  int64_t got = 0;
  while (got < bytes) {
    const ssize_t count =
        ::read(descriptor_.get(), next + got, static_cast<size_t>(bytes - got));
    if (count == 0) break;
    if (count < 0 && errno != EINTR) fail_with_errno("read", shown_);
    if (count > 0) got += count;
  }
  return got;
}

void InputFile::read(void* out, int64_t bytes) {
  const int64_t got = read_up_to(out, bytes);
  if (got == bytes) return;
  fail(ErrorCode::io, "file",
       "'{}' ended {} bytes early; it became shorter while it was read", shown_,
       bytes - got);
}

OutputFile::OutputFile(const std::string& path)
    : shown_(show_path(path)), target_(follow_links(path)) {
  struct stat status = {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) fail_with_errno("write", shown_);
  if (exists ? S_ISDIR(status.st_mode) : target_.ends_with('/')) {
    fail_directory(shown_);
  }
  if (is_open_elsewhere(target_) || (exists && !S_ISREG(status.st_mode))) {
    open_in_place();
    return;
  }
  // A rename would go through where writing is forbidden.
  if (exists && ::faccessat(AT_FDCWD, target_.c_str(), W_OK, AT_EACCESS) != 0) {
    fail_with_errno("write", shown_);
  }
  open_beside();
  // Where the file system knows no permissions, there are none to keep.
  if (exists) ::fchmod(descriptor_.get(), status.st_mode & 0777U);
}

OutputFile::~OutputFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void OutputFile::open_beside() {
  static std::atomic<int64_t> counter = 0;
  const auto parent = std::filesystem::path(target_).parent_path();
  const std::string directory = parent.empty() ? "." : parent.native();
  std::string name;
  do {  // another process may have taken the name
    name = formatted("{}/.maskwise-{}-{}.tmp", directory, ::getpid(),
                     counter.fetch_add(1));
    descriptor_.reset(
        ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (!descriptor_.is_open() && errno == EEXIST);
  if (!descriptor_.is_open()) {
    fail_with_errno("create a file in the directory",
                    printable(directory, kLongestShownPath));
  }
  temporary_ = std::move(name);
}

void OutputFile::open_in_place() {
  // Appending keeps what the shell's `>>` has already written.
  descriptor_.reset(::open(target_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!descriptor_.is_open()) fail_with_errno("write", shown_);
}

void OutputFile::write(const void* data, int64_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count =
        ::write(descriptor_.get(), next, static_cast<size_t>(bytes));
    if (count < 0 && errno != EINTR) fail_with_errno("write", shown_);
    if (count <= 0) continue;
    next += count;
    bytes -= count;
  }
}

void OutputFile::commit() {
  // Without it a crash of the machine could leave a renamed, empty file.
  if (!temporary_.empty() && ::fsync(descriptor_.get()) != 0) {
    fail_with_errno("write", shown_);
  }
  if (!descriptor_.close()) fail_with_errno("write", shown_);
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) {
    fail_with_errno("replace", shown_);
  }
  temporary_.clear();
}

}  // namespace detail

void save_text(const std::string& path, const std::string& text) {
  detail::OutputFile file(path);
  file.write(text.data(), static_cast<int64_t>(text.size()));
  file.commit();
}

std::string load_text(const std::string& path) {
  constexpr int64_t kChunk = int64_t{1} << 20;
  // A pipe or a device may have no end.
  constexpr int64_t kLargestText = int64_t{256} << 20;
  detail::InputFile file(path, detail::FileKind::any);
  std::string text;
  int64_t got = kChunk;
  while (got == kChunk) {
    const size_t used = text.size();
    text.resize(used + static_cast<size_t>(kChunk));
    got = file.read_up_to(text.data() + used, kChunk);
    text.resize(used + static_cast<size_t>(got));
    if (static_cast<int64_t>(text.size()) > kLargestText) {
      detail::fail(ErrorCode::io, "file",
                   "'{}' has more than {} bytes; expected a shorter text",
                   detail::printable(path, detail::kLongestShownPath),
                   kLargestText);
    }
  }
  return text;
}

}  // namespace maskwise
